//! The log store's writer, over a connection of its own so that no job waits behind log entries.

use anyhow::Context;
use image2model_host::config::Config;
use image2model_host::ops::heartbeat::HostIdentity;
use image2model_host::ops::logs::{LogWriter, Queued, WriterSettings};
use image2model_host::redis::Store;
use secrecy::ExposeSecret;

use super::foundation::Foundation;

/// Begins to write what has been logged so far.
pub fn start(queued: Queued, config: &Config, base: &Foundation, identity: &HostIdentity) -> anyhow::Result<LogWriter> {
    let store = Store::open_cell(base.redis_url.expose_secret(), config.redis.keys.clone());
    let store = store.context("cannot open the log store")?;
    let settings = WriterSettings {
        id: identity.id.clone(),
        host: identity.machine.clone(),
        max_entries: config.logs.store.max_entries,
        retention: config.logs.store.retention,
    };
    Ok(LogWriter::start(queued, store, settings))
}
