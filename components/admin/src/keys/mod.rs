//! `GET|POST /admin/keys`, `DELETE /admin/keys/{id}`: issuing keys, listing them without their secrets, taking them back.

mod page;
mod wanted;

use image2model_domain::api_key::{self, ApiKey};
use image2model_domain::commands::{IssueKey, ListKeys, RevokeKey};
use image2model_domain::time::rfc3339;
use image2model_domain::{Problem, digest};
use image2model_kit::{Context, Failure, Reply, random_secret_bits, redis, reply};
use serde_json::{Value, json};

use crate::audit;
use page::Page;
use wanted::Wanted;

/// A body describes one key; no more is read.
const LONGEST_BODY: usize = 4096;

/// Issues a key. The answer is the only place where it ever stands.
pub(crate) async fn issue(mut context: Context) -> Result<Reply, Failure> {
    let body: Value = context.json(LONGEST_BODY).await?;
    let wanted = Wanted::read(&body)?;
    audit::asked(&context, &json!({ "name": wanted.name, "role": wanted.role, "limits": wanted.limits }));
    let secret = api_key::from_random(random_secret_bits());
    let hash = digest::sha256_hex(secret.as_bytes());
    let key = redis::run(&IssueKey {
        hash: &hash,
        id: api_key::id_of(&hash),
        name: &wanted.name,
        role: wanted.role,
        created_by: &context.caller,
        seconds: wanted.seconds,
        limits: wanted.limits,
    })
    .await?;
    let mut shown = shown(&key);
    audit::done(&context, &shown);
    add(&mut shown, "key", secret);
    add(&mut shown, "message", "Keep the key now: it is not shown again.");
    reply::json(201, &shown)
}

/// Answers a page of keys, those that open nothing any more among them.
pub(crate) async fn list(context: Context) -> Result<Reply, Failure> {
    let Page { limit, after } = Page::parse(&context.query)?;
    audit::asked(&context, &json!({}));
    let found = redis::run(&ListKeys { after: after.as_deref(), limit }).await?.ok_or_else(page::unknown_cursor)?;
    let next = found.keys.last().filter(|_| found.more).map(|key| key.id.clone());
    let keys: Vec<Value> = found.keys.iter().map(shown).collect();
    reply::json(200, &json!({ "keys": keys, "next_cursor": next }))
}

/// Takes a key back, at once and on every host. Doing it twice changes nothing.
pub(crate) async fn revoke(context: Context) -> Result<Reply, Failure> {
    let id = context.param("id").to_ascii_lowercase();
    audit::asked(&context, &json!({ "id": id }));
    let key = redis::run(&RevokeKey(&id)).await?.ok_or_else(|| Problem::new(404, "KEY_NOT_FOUND", "Key not found"))?;
    let mut shown = shown(&key);
    audit::done(&context, &shown);
    add(&mut shown, "message", "The key opens nothing any more.");
    reply::json(200, &shown)
}

/// What is told of a key: everything but the key.
fn shown(key: &ApiKey) -> Value {
    json!({
        "id": key.id,
        "name": key.name,
        "role": key.role,
        "state": key.state,
        "created_at": rfc3339(key.created_at),
        "created_by": key.created_by,
        "expires_at": key.expires_at.map(rfc3339),
        "revoked_at": key.revoked_at.map(rfc3339),
        "last_used_at": key.last_used_at.map(rfc3339),
        "limits": key.limits,
    })
}

fn add(shown: &mut Value, name: &str, value: impl Into<Value>) {
    if let Some(fields) = shown.as_object_mut() {
        fields.insert(name.to_owned(), value.into());
    }
}
