//! Each host process tells Redis that it lives, what it is and what its parts do, for `/admin`, `/health` and `/metrics`.
//! The record runs out by itself; a process that stops in order takes it back.

use image2model_domain::time::rfc3339;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::process;
use crate::redis::sign_of_life::{EVERY, SignOfLife, now_ms};
use crate::redis::{RedisError, Store};

/// What stays the same while the process lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostIdentity {
    /// Names the process among all.
    pub id: String,
    /// Name of its machine.
    pub machine: String,
    /// `up`, `serve`, `worker` or `stream`.
    pub role: &'static str,
}

/// Writes the sign of life until `stop`. `parts` says what the process's parts do at the moment: an object whose fields
/// join the record.
pub async fn beat(store: Store, identity: HostIdentity, parts: impl Fn() -> Value + Send, stop: CancellationToken) {
    let keys = store.keys();
    let sign = SignOfLife { record: keys.host(&identity.id), set: keys.hosts(), id: identity.id.clone() };
    let started_at = now_ms();
    while !stop.is_cancelled() {
        let record = record(&identity, started_at, parts());
        if let Err(error) = sign.show(&store, &record).await {
            tracing::debug!(code = error.code(), "the host's sign of life was not written");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(EVERY) => {}
        }
    }
    if let Err::<(), RedisError>(error) = sign.leave(&store).await {
        tracing::debug!(code = error.code(), "the host's sign of life was left to run out");
    }
}

fn record(identity: &HostIdentity, started_at: i64, parts: Value) -> Value {
    let mut record = json!({
        "id": identity.id,
        "machine": identity.machine,
        "role": identity.role,
        "version": env!("CARGO_PKG_VERSION"),
        "started_at": rfc3339(started_at),
        "uptime_seconds": now_ms().saturating_sub(started_at) / 1000,
        "process": process::facts(),
    });
    if let (Value::Object(record), Value::Object(parts)) = (&mut record, parts) {
        record.extend(parts);
    }
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_parts_do_joins_the_record() {
        let identity = HostIdentity { id: "m-1".into(), machine: "m".into(), role: "serve" };
        let record = record(&identity, now_ms(), json!({ "streams": { "open": 3 } }));
        assert_eq!((&record["role"], &record["streams"]["open"]), (&json!("serve"), &json!(3)));
        assert_eq!(record["version"], env!("CARGO_PKG_VERSION"));
    }
}
