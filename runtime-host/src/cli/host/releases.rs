//! Which releases of components this host serves: those that the fleet's records say, with `--watch` those on disk.

use std::time::Duration;

use anyhow::Context;
use image2model_host::config::Config;
use image2model_host::edge::Edge;
use image2model_host::edge::swap::fetch::CosignKey;
use image2model_host::edge::swap::follow::{FollowOptions, Follower};
use image2model_host::ops::heartbeat::HostIdentity;

use super::foundation::Foundation;

/// How long a start waits for the releases that the fleet serves; what comes later is served later.
const CATCH_UP_WITHIN: Duration = Duration::from_secs(60);

/// A follower that has got this host where the fleet is.
pub async fn follower(
    config: &Config,
    base: &Foundation,
    edge: &Edge,
    identity: &HostIdentity,
) -> anyhow::Result<Follower> {
    let key = match &config.component_key {
        None => None,
        Some(path) => {
            let pem = std::fs::read_to_string(path)
                .with_context(|| format!("cannot read COMPONENT_KEY {}", path.display()))?;
            let key = CosignKey::from_pem(&pem);
            Some(key.with_context(|| {
                format!("COMPONENT_KEY {} is not cosign's public key (ECDSA P-256)", path.display())
            })?)
        }
    };
    let store = &config.logs.store;
    let options = FollowOptions {
        store: base.store.clone(),
        host: identity.id.clone(),
        key,
        log_entries: store.max_entries,
        log_counts_ttl: store.retention.as_secs() + 86_400,
    };
    let mut follower = edge.follower(options)?;
    if tokio::time::timeout(CATCH_UP_WITHIN, follower.catch_up()).await.is_err() {
        tracing::warn!(
            "not every release that the fleet serves could be had in time; the manifest's are served until then"
        );
    }
    Ok(follower)
}
