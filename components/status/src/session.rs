//! `/session`: a browser gives its key once and has a session instead, a cookie that scripts cannot read. What it opens is
//! the guard's word (`components/guard/src/session.rs`); here it is opened, shown and ended.

use image2model_domain::Problem;
use image2model_domain::api_key::{KeyRole, hash_of};
use image2model_domain::browser_session::{self, ADMIN_SECONDS};
use image2model_domain::commands::{CloseSession, FindSession, OpenSession};
use image2model_domain::time::rfc3339;
use image2model_kit::{Context, Failure, Reply, Role, config, random_secret_bits, redis, reply};
use serde::Deserialize;
use serde_json::{Value, json};

/// A body names one role; no more is read.
const LONGEST_BODY: usize = 1024;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    role: Option<WantedRole>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WantedRole {
    User,
    Admin,
}

/// `POST /session`: the key of the `Authorization` header is exchanged for a session. Without `role` it opens a user's routes
/// only, whatever the key opens.
pub(crate) async fn open(mut context: Context) -> Result<Reply, Failure> {
    let role = match context.json::<Wanted>(LONGEST_BODY).await?.role {
        None | Some(WantedRole::User) => KeyRole::User,
        Some(WantedRole::Admin) => KeyRole::Admin,
    };
    let Some(key_hash) = context.key_hash.clone() else {
        // Nobody needs a key here, and so nobody needs a session.
        return reply::json(200, &shown(None, None));
    };
    if context.header("authorization").is_none() {
        let detail = "A session is opened with a key; one that is open does not open another";
        return Err(Problem::new(403, "NOT_AUTHENTICATED", detail).with_header("www-authenticate", "Bearer").into());
    }
    if role == KeyRole::Admin && context.role != Role::Admin {
        let refusal = Problem::new(403, "INVALID_ADMIN_API_KEY", "Invalid admin API key");
        return Err(refusal.with_header("www-authenticate", "Bearer").into());
    }
    let configured: u64 = config::number("session_seconds").await?;
    let seconds = if role == KeyRole::Admin { configured.min(ADMIN_SECONDS) } else { configured };
    let secret = browser_session::from_random(random_secret_bits());
    let ends = redis::run(&OpenSession { hash: &hash_of(&secret), key_hash: &key_hash, role, seconds }).await?;
    let mut answer = reply::json(201, &shown(Some(role), Some(ends)))?;
    reply::insert(&mut answer, "set-cookie", &browser_session::set_cookie(&secret, seconds, context.is_secure()));
    Ok(answer)
}

/// `GET /session`: whether the caller has one, and what it opens until when.
pub(crate) async fn show(context: Context) -> Result<Reply, Failure> {
    let role = match context.role {
        Role::Admin => KeyRole::Admin,
        Role::User => KeyRole::User,
        Role::Anonymous => return reply::json(200, &shown(None, None)),
    };
    // Whoever presents a key is not asked for a session, and the answer tells of none.
    let Some(hash) = own(&context).filter(|_| context.header("authorization").is_none()) else {
        return reply::json(200, &shown(None, None));
    };
    let ends = redis::run(&FindSession(&hash)).await?.map(|found| found.session.expires_at);
    reply::json(200, &shown(ends.map(|_| role), ends))
}

/// `DELETE /session`: it opens nothing any more, here and wherever else its cookie was copied to.
pub(crate) async fn close(context: Context) -> Result<Reply, Failure> {
    // A session that the guard did not take, from another site's page or of an exchanged key, is not this caller's to end.
    if let (Some(hash), Some(_)) = (own(&context), &context.key_hash) {
        redis::run(&CloseSession(&hash)).await?;
    }
    let mut answer = reply::json(200, &shown(None, None))?;
    reply::insert(&mut answer, "set-cookie", &browser_session::forget_cookie(context.is_secure()));
    Ok(answer)
}

/// SHA-256 in hex of the session that the request's cookie names.
fn own(context: &Context) -> Option<String> {
    browser_session::presented(context.cookies(), context.is_secure()).map(hash_of)
}

fn shown(role: Option<KeyRole>, ends: Option<i64>) -> Value {
    json!({ "signed_in": role.is_some(), "role": role, "expires_at": ends.map(rfc3339) })
}
