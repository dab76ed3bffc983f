//! Tells Redis that this worker lives and which models it knows, for `/health`, `/admin` and `/api/v1/models`.

use std::time::Duration;

use image2model_domain::time::rfc3339;
use serde_json::json;

use super::provider::Providers;
use super::status::WorkerStatus;
use crate::redis::{RedisError, Store};

/// Between two signs of life.
pub(super) const EVERY: Duration = Duration::from_secs(5);
/// How long one sign of life counts.
const GOOD_FOR: Duration = Duration::from_secs(16);

/// Writes the sign of life.
pub(super) async fn show(store: &Store, status: &WorkerStatus, host: &str, fal_mode: &str) -> Result<(), RedisError> {
    let keys = store.keys();
    let record = json!({
        "id": status.id, "host": host, "version": env!("CARGO_PKG_VERSION"), "started_at": rfc3339(status.started_at),
        "running": status.running, "fal": { "mode": fal_mode, "breaker": status.breaker.as_str() },
    });
    let good_for = u64::try_from(GOOD_FOR.as_millis()).unwrap_or_default();
    let mut set = ::redis::cmd("SET");
    set.arg(keys.worker(&status.id)).arg(record.to_string()).arg("PX").arg(good_for);
    store.query::<()>(&set).await?;
    let now = now_ms();
    let until = now.saturating_add(i64::try_from(good_for).unwrap_or_default());
    store.query::<()>(::redis::cmd("ZADD").arg(keys.workers()).arg(until).arg(&status.id)).await?;
    store.query::<()>(::redis::cmd("ZREMRANGEBYSCORE").arg(keys.workers()).arg("-inf").arg(now)).await
}

/// Takes the sign of life back.
pub(super) async fn leave(store: &Store, id: &str) -> Result<(), RedisError> {
    let keys = store.keys();
    store.query::<()>(::redis::cmd("ZREM").arg(keys.workers()).arg(id)).await?;
    store.query::<()>(::redis::cmd("DEL").arg(keys.worker(id))).await
}

/// Writes what every provider says of itself. A provider that does not work is left out, and logged.
pub(super) async fn describe(store: &Store, providers: &Providers) -> Result<(), RedisError> {
    for (id, provider) in providers.iter() {
        let description = match provider.describe().await {
            Ok(description) => description,
            Err(error) => {
                tracing::error!(provider = id, %error, "a provider does not describe itself");
                continue;
            }
        };
        let text = serde_json::to_string(&description).unwrap_or_default();
        store.query::<()>(::redis::cmd("HSET").arg(store.keys().providers()).arg(id).arg(text)).await?;
    }
    Ok(())
}

/// Milliseconds since 1970.
pub(super) fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
