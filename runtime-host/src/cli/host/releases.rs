//! Which releases of components this host serves: those that the fleet's records say, with `--watch` those on disk.

use std::time::Duration;

use image2model_host::config::Config;
use image2model_host::edge::Edge;
use image2model_host::edge::swap::follow::{FollowOptions, Follower};
use image2model_host::edge::swap::records::Records;
use image2model_host::ops::heartbeat::HostIdentity;
use image2model_host::redis::Store;

use super::foundation::Foundation;

/// How long a start waits for the releases that the fleet serves; what comes later is served later.
const CATCH_UP_WITHIN: Duration = Duration::from_secs(60);

/// What is to be served, as this process writes it.
pub fn records(config: &Config, store: Store, identity: &HostIdentity) -> Records {
    let log = &config.logs.store;
    let (log_entries, log_counts_ttl) = (log.max_entries, log.retention.as_secs() + 86_400);
    Records { store, host: identity.id.clone(), log_entries, log_counts_ttl }
}

/// A follower that has got this host where the fleet is.
pub async fn follower(
    config: &Config,
    base: &Foundation,
    edge: &Edge,
    identity: &HostIdentity,
) -> anyhow::Result<Follower> {
    let records = records(config, base.store.clone(), identity);
    let options = FollowOptions { records, key: config.component_key.clone(), logins: config.logins.clone() };
    let mut follower = edge.follower(options)?;
    if tokio::time::timeout(CATCH_UP_WITHIN, follower.catch_up()).await.is_err() {
        tracing::warn!(
            "not every release that the fleet serves could be had in time; the manifest's are served until then"
        );
    }
    Ok(follower)
}
