//! Who is calling: `Authorization: Key id:secret`, a browser's token (also as `fal_jwt_token`), or a CDN token where FAL
//! takes one; and whether they can still pay. Whoever comes by way of the proxy and shows nothing goes by the proxy's key.

use super::context::Context;
use crate::errors::ApiError;
use http::header::AUTHORIZATION;

/// The id of the caller's key.
pub fn caller(context: &Context) -> Result<String, ApiError> {
    let Some(header) = context.headers.get(AUTHORIZATION) else {
        return match context.query_value("fal_jwt_token") {
            Some(token) => by_token(context, &token),
            // A proxy puts its own key into what a browser sends without one: that is what it is there for.
            None if context.target.proxied => own_key(context).ok_or(ApiError::NoCredentials),
            None => Err(ApiError::NoCredentials),
        };
    };
    let header = header.to_str().map_err(|_| ApiError::MalformedKey)?;
    let (scheme, credentials) = header.split_once(' ').ok_or(ApiError::MalformedKey)?;
    // FAL takes a key under either scheme.
    if !scheme.eq_ignore_ascii_case("key") && !scheme.eq_ignore_ascii_case("bearer") {
        return Err(ApiError::MalformedKey);
    }
    let credentials = credentials.trim();
    if scheme.eq_ignore_ascii_case("bearer") && !credentials.contains(':') {
        return by_token(context, credentials);
    }
    let (id, secret) = credentials.split_once(':').ok_or(ApiError::MalformedKey)?;
    let known = context.sim.config.keys.iter().find(|key| key.matches(id, secret));
    known.map(|key| key.id().to_owned()).ok_or(ApiError::UnknownKey)
}

/// The id of the caller's key, refused when everything it had is spent.
pub fn payer(context: &Context) -> Result<String, ApiError> {
    let owner = caller(context)?;
    context.sim.tuning.lock().check_balance()?;
    Ok(owner)
}

/// The id of the key that the proxy has.
fn own_key(context: &Context) -> Option<String> {
    context.sim.config.keys.first().map(|key| key.id().to_owned())
}

fn by_token(context: &Context, token: &str) -> Result<String, ApiError> {
    context.sim.tokens.owner(token, &context.target.path).ok_or(ApiError::UnknownToken)
}

/// Lets in a caller with a CDN token or a key.
pub fn uploader(context: &Context) -> Result<(), ApiError> {
    let token = context.header("authorization").and_then(|header| header.strip_prefix("Bearer "));
    match token {
        Some(token) if context.sim.storage.uploads.knows_token(token) => Ok(()),
        Some(token) if !token.contains(':') => Err(ApiError::UnknownToken),
        _ => caller(context).map(|_| ()),
    }
}
