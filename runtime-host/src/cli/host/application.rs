//! The Spin application: loaded with the variables that the configuration and the other parts give it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use image2model_domain::browser_headers::Origins;
use image2model_host::config::{Config, Part, Wiring, contradicted, given_variables, spin_variables};
use image2model_host::edge::{Edge, EdgeOptions, KeyValue, ServeOptions};
use image2model_host::intake::Tls;
use secrecy::SecretString;

use super::foundation::Foundation;
use super::secrets;

/// The endpoint whose guard is asked about streams: the one that would answer them.
pub const STREAM_ENDPOINT: &str = "status";

/// Loads it; compiles what the cache does not have, on all cores.
pub async fn load(
    part: Part,
    config: &Config,
    base: &Foundation,
    hosts: Vec<String>,
    tls: Option<Tls>,
    max_connections: usize,
) -> anyhow::Result<Arc<Edge>> {
    let token_secret = match &config.access.token_secret {
        Some(secret) => secret.clone(),
        // The parts may run on many machines and have only the keys in common: the components derive it from those.
        None if part == Part::Up => secrets::kept(&config.data_dir, "token-secret")?,
        None => SecretString::from(""),
    };
    let wiring = Wiring {
        redis_url: base.redis_url.clone(),
        blob_url: base.blob_url.clone(),
        blob_token: base.blob_token.clone(),
        token_secret,
        more_result_hosts: hosts,
    };
    let options = EdgeOptions {
        manifest_path: config.manifest.clone(),
        variables: variables(config, &wiring)?,
        profile: config.profile.clone(),
        authorities: config.authorities.clone(),
        logins: config.logins.clone(),
        key_value: Some(KeyValue { redis_url: base.redis_url.clone(), keys: config.redis.keys.clone() }),
        cache_dir: Some(config.compile_cache_dir.clone()),
        compiler: this_program(),
        serve: ServeOptions {
            tls,
            origins: Origins::new(config.access.allowed_origins.clone()),
            drain: config.shutdown_grace.saturating_sub(config.shutdown_delay),
            max_connections,
            ..ServeOptions::default()
        },
    };
    let edge = tokio::task::spawn_blocking(move || Edge::load(options)).await.context("loading the application")??;
    Ok(Arc::new(edge))
}

/// Whether it is our own: whoever asks for events asks the same guard as its endpoints. What the host answers itself beside
/// the components belongs to that one only.
pub fn is_own(edge: &Edge) -> bool {
    edge.guard(STREAM_ENDPOINT).is_ok()
}

/// The variables of whichever application it is. Another's may have our names for something else, and is not told our keys.
fn variables(config: &Config, wiring: &Wiring) -> anyhow::Result<HashMap<String, String>> {
    if !names_guard(&config.manifest) {
        return Ok(given_variables(config));
    }
    let contradicted = contradicted(config, wiring);
    if contradicted.is_empty() {
        return Ok(spin_variables(config, wiring));
    }
    let names: Vec<_> = contradicted.iter().map(|name| format!("SPIN_VARIABLE_{}", name.to_uppercase())).collect();
    anyhow::bail!(
        "{} must not be set here: the variables of this application follow from the configuration (docs/configuration.md), \
         and say something else there",
        names.join(", ")
    )
}

/// What [`is_own`] asks, of the manifest as it is written. What is wrong with it is said when it is loaded.
fn names_guard(manifest: &Path) -> bool {
    let text = std::fs::read_to_string(manifest).unwrap_or_default();
    let manifest = text.parse::<toml::Table>().unwrap_or_default();
    let of =
        |table: &toml::Table, key: &str| table.get(key).and_then(toml::Value::as_table).cloned().unwrap_or_default();
    let endpoint = of(&of(&manifest, "component"), STREAM_ENDPOINT);
    of(&endpoint, "dependencies").keys().any(|import| import.starts_with("image2model:guard/guard"))
}

/// What components are compiled by. On Linux the one that runs, whatever has been put in its place meanwhile.
fn this_program() -> Option<PathBuf> {
    let own = Path::new("/proc/self/exe");
    if own.exists() { Some(own.into()) } else { std::env::current_exe().ok() }
}
