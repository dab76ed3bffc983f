//! The application's variables (`[variables]` of `spin.toml`) out of the configuration and of what was started.

use std::collections::HashMap;

use secrecy::{ExposeSecret, SecretString};

use super::Config;

/// What is only known once the other parts run.
#[derive(Debug, Clone)]
pub struct Wiring {
    /// Where Redis is, password included.
    pub redis_url: SecretString,
    /// Where the blob gateway is.
    pub blob_url: String,
    /// Its token.
    pub blob_token: SecretString,
    /// Signs access tokens; empty: the keys do.
    pub token_secret: SecretString,
    /// Hosts of results, beside the configured ones: the simulator's.
    pub more_result_hosts: Vec<String>,
}

/// The variables of our own manifest: all that it declares, and what was given by other names.
#[must_use]
pub fn spin_variables(config: &Config, wiring: &Wiring) -> HashMap<String, String> {
    let mut all = given_variables(config);
    all.extend(configured(config, wiring).into_iter().map(|(name, value)| (name.to_owned(), value)));
    all
}

/// The variables that were given by their own names: those of another application's manifest.
#[must_use]
pub fn given_variables(config: &Config) -> HashMap<String, String> {
    config.spin_variables.iter().map(|(name, value)| (name.clone(), value.expose_secret().to_owned())).collect()
}

/// The variables of our own manifest that were given by their own names and have another value by the configuration, in
/// order: only the components would hear of them, and the host would go on with what it was told.
#[must_use]
pub fn contradicted(config: &Config, wiring: &Wiring) -> Vec<&'static str> {
    let is_other = |(name, value): &(&str, String)| {
        let given = config.spin_variables.get(*name).map_or("", |value| value.expose_secret());
        !given.is_empty() && given != value
    };
    let mut found: Vec<_> = configured(config, wiring).into_iter().filter(is_other).map(|(name, _)| name).collect();
    found.sort_unstable();
    found
}

/// What the configuration says of each variable of our own manifest.
fn configured(config: &Config, wiring: &Wiring) -> [(&'static str, String); 28] {
    let (access, limits) = (&config.access, &config.limits);
    let exposed =
        |secret: &Option<SecretString>| secret.as_ref().map(|s| s.expose_secret().to_owned()).unwrap_or_default();
    let result_hosts: Vec<String> = config.fal.result_hosts.iter().chain(&wiring.more_result_hosts).cloned().collect();
    [
        ("redis_url", wiring.redis_url.expose_secret().to_owned()),
        ("redis_allowed_host", without_password(wiring.redis_url.expose_secret())),
        ("redis_key_prefix", config.redis.keys.prefix().to_owned()),
        ("blob_url", wiring.blob_url.clone()),
        ("blob_token", wiring.blob_token.expose_secret().to_owned()),
        ("stream_url", config.stream_url.clone().unwrap_or_default()),
        ("environment", access.environment.as_str().to_owned()),
        ("api_key", exposed(&access.api_key)),
        ("admin_api_key", exposed(&access.admin_api_key)),
        ("token_secret", wiring.token_secret.expose_secret().to_owned()),
        ("session_seconds", access.session.as_secs().to_string()),
        ("job_access", access.job_access.as_str().to_owned()),
        ("allowed_origins", access.allowed_origins.join(",")),
        ("trusted_proxies", access.trusted_proxies.join(",")),
        ("rate_limit_per_minute", limits.requests_per_minute.to_string()),
        ("rate_limit_per_hour", limits.requests_per_hour.to_string()),
        ("rate_limit_uploads_per_minute", limits.uploads_per_minute.to_string()),
        ("rate_limit_wrong_keys_per_minute", limits.wrong_keys_per_minute.to_string()),
        ("max_upload_size", limits.max_upload_size.to_string()),
        ("max_files_per_batch", limits.max_files_per_batch.to_string()),
        ("upload_timeout_seconds", limits.upload_timeout.as_secs().to_string()),
        ("max_queued_files", limits.max_queued_files.to_string()),
        ("result_hosts", result_hosts.join(",")),
        ("default_model", config.fal.default_model.clone()),
        ("job_ttl_seconds", limits.job_ttl.as_secs().to_string()),
        ("webhook_allowed_hosts", config.webhooks.allowed_hosts.join(",")),
        ("log_store_max_entries", config.logs.store.max_entries.to_string()),
        ("log_store_retention_days", (config.logs.store.retention.as_secs() / 86_400).to_string()),
    ]
}

/// Scheme, host and port: what `allowed_outbound_hosts` takes.
fn without_password(url: &str) -> String {
    url::Url::parse(url).map_or_else(
        |_| String::new(),
        |url| format!("{}://{}:{}", url.scheme(), url.host_str().unwrap_or_default(), url.port().unwrap_or(6379)),
    )
}
