//! Who is calling: `Authorization: Key id:secret`, or a CDN token where FAL takes one.

use super::context::Context;
use crate::errors::ApiError;
use http::header::AUTHORIZATION;

/// The id of the caller's key.
pub fn caller(context: &Context) -> Result<String, ApiError> {
    let header = context.headers.get(AUTHORIZATION).ok_or(ApiError::NoCredentials)?;
    let header = header.to_str().map_err(|_| ApiError::MalformedKey)?;
    let (scheme, credentials) = header.split_once(' ').ok_or(ApiError::MalformedKey)?;
    // FAL takes a key under either scheme.
    if !scheme.eq_ignore_ascii_case("key") && !scheme.eq_ignore_ascii_case("bearer") {
        return Err(ApiError::MalformedKey);
    }
    let (id, secret) = credentials.trim().split_once(':').ok_or(ApiError::MalformedKey)?;
    let known = context.sim.config.keys.iter().find(|key| key.matches(id, secret));
    known.map(|key| key.id().to_owned()).ok_or(ApiError::UnknownKey)
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
