//! The audit log: who did what with the admin key, from where, and how it ended. One entry a call, written before the
//! answer leaves, refused calls included.
//!
//! An entry goes to the log store (`logs:audit`), on Spin as well because it is this component that writes it, and in any
//! case to the component's log. Calls that were turned away for their number, or because Redis is away, are only in the
//! latter: a flood must not wash the audit log out, nor an outage hold answers up.

use std::time::Duration;

use image2model_domain::api_key::{hash_of, tenant_of};
use image2model_domain::bearer::{Presented, presented};
use image2model_domain::client_address::Proxies;
use image2model_domain::commands::AppendLog;
use image2model_domain::log::{LogEntry, LogKind, LogLevel, cut, is_secret};
use image2model_domain::request_id;
use image2model_kit::audit::Seen;
use image2model_kit::{Context, Reply, Role, clock, log, redis};
use serde_json::{Map, Value, json};
use spin_sdk::http::Request;

use crate::logs::health::Bounds;

/// Paths whose calls are audited.
const AUDITED: [&str; 2] = ["/api/v1/admin/", "/api/v1/logs"];
/// Writing an entry may hold an answer up by this.
const PATIENCE: Duration = Duration::from_millis(300);
/// Of a list in what a call said, so many are kept.
const MOST_ITEMS: usize = 20;
/// Of a text in what a call said, so many bytes are kept.
const LONGEST_TEXT: usize = 500;
/// Of all that a call said, so many bytes are kept.
const LONGEST_NOTES: usize = 4096;

/// Writes down that a call was made and what it asks for, before it does anything: it may fail half-way.
pub(crate) fn asked(context: &Context, what: &Value) {
    if what.as_object().is_none_or(|what| !what.is_empty()) {
        context.notes.put("asked", what.clone());
    }
    if context.method.is_safe() {
        return;
    }
    let fields = json!({
        "request_id": context.request_id, "caller": context.caller, "method": context.method.as_str(),
        "route": context.route, "what": kept(what),
    });
    log::info("admin call begins", &fields);
}

/// Writes down what a call did, in the terms of its answer.
pub(crate) fn done(context: &Context, what: &Value) {
    context.notes.put("done", what.clone());
}

/// A call on its way through.
pub(crate) struct Call {
    began_at: i64,
    method: String,
    path: String,
    /// The socket's other end: a proxy, perhaps.
    peer: String,
    forwarded_for: Option<String>,
    /// The presented key, known by its digest only.
    presented: Option<String>,
}

impl Call {
    /// Remembers what the answer will not know; nothing for calls that are not audited.
    pub(crate) fn begin(request: &Request) -> Option<Self> {
        let path = request.uri().path();
        if !AUDITED.iter().any(|prefix| path.starts_with(prefix)) {
            return None;
        }
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        Some(Self {
            began_at: clock::now_ms(),
            method: request.method().to_string(),
            path: cut(path, LONGEST_TEXT).to_owned(),
            peer: Proxies::default().client(header("spin-client-addr").unwrap_or_default(), None),
            forwarded_for: header("x-forwarded-for").map(|hops| cut(hops, LONGEST_TEXT).to_owned()),
            presented: named(header("authorization")),
        })
    }

    /// Writes the entry.
    pub(crate) async fn end(self, reply: &Reply) {
        // A path without a route was a call of nothing.
        let Some(seen) = reply.extensions().get::<Seen>() else { return };
        let status = reply.status().as_u16();
        let entry = self.entry(seen, status, reply.headers().get(request_id::HEADER).and_then(|id| id.to_str().ok()));
        let stored = !matches!(status, 429 | 503) && clock::within(PATIENCE, store(&entry)).await.unwrap_or_default();
        let mut said = json!(entry.fields);
        if let Value::Object(said) = &mut said {
            said.insert("request_id".to_owned(), json!(entry.request_id));
            said.insert("job_id".to_owned(), json!(entry.job_id));
            said.insert("stored".to_owned(), stored.into());
        }
        match entry.level {
            LogLevel::Info => log::info("admin call", &said),
            _ => log::warn("admin call", &said),
        }
    }

    fn entry(&self, seen: &Seen, status: u16, request_id: Option<&str>) -> LogEntry {
        let (level, outcome) = match status {
            0..=399 => (LogLevel::Info, "done"),
            401 | 403 => (LogLevel::Warn, "refused"),
            400..=499 => (LogLevel::Warn, "rejected"),
            _ => (LogLevel::Error, "failed"),
        };
        let now = clock::now_ms();
        let mut entry = LogEntry::new(now, level, "audit", "admin call");
        entry.component = Some("admin".to_owned());
        entry.request_id = request_id.map(str::to_owned);
        entry.job_id = job(seen);
        let caller = seen.caller.as_deref().or(self.presented.as_deref()).unwrap_or("anonymous");
        let fields = json!({
            "caller": caller, "role": seen.role.map_or("refused", role), "address": seen.address.as_deref().unwrap_or(&self.peer),
            "forwarded_for": self.forwarded_for, "method": self.method, "route": seen.route, "path": self.path,
            "status": status, "outcome": outcome, "error_code": seen.error_code, "elapsed_ms": now - self.began_at,
        });
        if let Value::Object(fields) = fields {
            entry.fields = fields.into_iter().filter(|(_, value)| !value.is_null()).collect();
        }
        entry.fields.extend(seen.notes.all().iter().map(|(name, what)| (name.clone(), kept(what))));
        entry
    }
}

/// Whether it was written.
async fn store(entry: &LogEntry) -> bool {
    let Ok(bounds) = Bounds::configured().await else { return false };
    if bounds.max_entries == 0 {
        return false;
    }
    let append = AppendLog {
        kind: LogKind::Audit,
        level: entry.level,
        entry: &entry.to_json(),
        max_entries: bounds.max_entries,
        counts_ttl: (bounds.retention_days + 1) * 86_400,
    };
    redis::run(&append).await.is_ok()
}

/// The job that the route or the body names.
fn job(seen: &Seen) -> Option<String> {
    let named = || Some(seen.notes.all().get("asked")?.get("job_id")?.as_str()?.to_owned());
    seen.job.as_ref().map(|job| job.as_str().to_owned()).or_else(named).map(|job| cut(&job, 64).to_owned())
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Anonymous => "anonymous",
        Role::User => "user",
        Role::Admin => "admin",
    }
}

/// A caller as the guard would name it, from the key that was presented.
fn named(authorization: Option<&str>) -> Option<String> {
    match presented(authorization) {
        Presented::Key(key) => Some(tenant_of(&hash_of(key))),
        Presented::Nothing | Presented::Malformed => None,
    }
}

/// What a call said, shortened, and without anything that may be a secret.
fn kept(what: &Value) -> Value {
    let short = shortened(what);
    if short.to_string().len() > LONGEST_NOTES { json!("too long to be kept") } else { short }
}

fn shortened(what: &Value) -> Value {
    match what {
        Value::String(text) => cut(text, LONGEST_TEXT).into(),
        Value::Array(items) => {
            let left_out = items.len().saturating_sub(MOST_ITEMS);
            let mut kept: Vec<Value> = items.iter().take(MOST_ITEMS).map(shortened).collect();
            if left_out > 0 {
                kept.push(format!("and {left_out} others").into());
            }
            kept.into()
        }
        Value::Object(fields) => {
            let open = fields.iter().filter(|(name, _)| !is_secret(name) && *name != "key");
            open.map(|(name, value)| (name.clone(), shortened(value))).collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_by_its_digest_and_nothing_else_is_a_key() {
        assert_eq!(named(Some("bearer  k ")), Some(format!("key:{}", &hash_of("k")[..32])));
        for none in [None, Some("k"), Some("Basic dXNlcjpwYXNz")] {
            assert_eq!(named(none), None, "{none:?}");
        }
    }

    #[test]
    fn what_was_said_is_shortened_and_holds_no_secret() {
        let ids: Vec<u32> = (0..25).collect();
        let short = kept(
            &json!({ "ids": ids, "key": "t0ps3cret", "new": { "api_key": "t0ps3cret" }, "text": "x".repeat(600) }),
        );
        assert_eq!(short["ids"].as_array().map(Vec::len), Some(MOST_ITEMS + 1));
        assert_eq!(short["ids"][MOST_ITEMS], "and 5 others");
        assert_eq!(short["text"].as_str().map(str::len), Some(LONGEST_TEXT));
        assert!(!short.to_string().contains("t0ps3cret"), "{short}");
    }
}
