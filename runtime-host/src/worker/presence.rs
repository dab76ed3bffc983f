//! Tells Redis that this worker lives and which models it knows, for `/health`, `/admin` and `/api/v1/models`.

use image2model_domain::time::rfc3339;
use serde_json::json;

use super::provider::Providers;
use super::status::WorkerStatus;
use crate::redis::sign_of_life::SignOfLife;
pub(super) use crate::redis::sign_of_life::{EVERY, now_ms};
use crate::redis::{RedisError, Store};

/// Writes the sign of life.
pub(super) async fn show(store: &Store, status: &WorkerStatus, host: &str, fal_mode: &str) -> Result<(), RedisError> {
    let record = json!({
        "id": status.id, "host": host, "version": env!("CARGO_PKG_VERSION"), "started_at": rfc3339(status.started_at),
        "running": status.running, "fal": { "mode": fal_mode, "breaker": status.breaker.as_str(), "reachable": status.reachable, "history": status.history.as_str() },
    });
    sign(store, &status.id).show(store, &record).await
}

/// Takes the sign of life back.
pub(super) async fn leave(store: &Store, id: &str) -> Result<(), RedisError> {
    sign(store, id).leave(store).await
}

fn sign(store: &Store, id: &str) -> SignOfLife {
    let keys = store.keys();
    SignOfLife { record: keys.worker(id), set: keys.workers(), id: id.to_owned() }
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
