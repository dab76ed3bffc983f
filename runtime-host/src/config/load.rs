//! From values to the structure. Every problem is collected; only then is there an answer.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use image2model_domain::Keyspace;
use secrecy::{ExposeSecret, SecretString};

use super::reader::Reader;
use super::values::{AccessLog, Environment, JobAccess, LogFormat, LogLevel, UncertainSubmits};
use super::{
    Access, BlobSettings, Config, ConfigError, FalSettings, LONG_ENOUGH, Limits, LogStore, Logs, Part, RedisSettings,
    Source, Sweep, Webhooks, telemetry,
};
use crate::blobs::FreeSpace;
use crate::edge::swap::fetch::{CosignKey, Logins};
use crate::fal::{BACKUP_QUEUE_URL, QUEUE_URL};
use crate::intake::TlsFiles;

const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

pub(super) fn load(source: &Source, part: Part) -> Result<Config, ConfigError> {
    let mut reader = Reader::new(source);
    let data_dir = PathBuf::from(reader.text("DATA_DIR"));
    let config = Config {
        listen: reader.parsed("LISTEN").unwrap_or(LOOPBACK),
        stream_listen: reader.parsed("STREAM_LISTEN").unwrap_or(LOOPBACK),
        tls: tls(&mut reader),
        manifest: PathBuf::from(reader.text("SPIN_MANIFEST")),
        authorities: reader.set_text("OUTBOUND_CA_FILE").map(PathBuf::from),
        profile: reader.set_text("SPIN_PROFILE").map(str::to_owned),
        compile_cache_dir: folder(&reader, "COMPILE_CACHE_DIR", &data_dir, "compiled"),
        spin_variables: source.spin_variables(),
        component_key: component_key(&mut reader),
        logins: logins(&mut reader),
        upload_dir: folder(&reader, "UPLOAD_DIR", &data_dir, "uploads"),
        results_dir: folder(&reader, "RESULTS_DIR", &data_dir, "results"),
        shutdown_grace: Duration::from_secs(reader.number("SHUTDOWN_GRACE_SECONDS", 1..=600)),
        shutdown_delay: shutdown_delay(&mut reader),
        busy_poll: busy_poll(&mut reader),
        stream_url: reader.http_url("STREAM_URL"),
        logs: logs(&mut reader),
        access: access(&mut reader),
        limits: limits(&mut reader),
        redis: redis(&mut reader),
        blobs: blobs(&mut reader),
        fal: fal(&mut reader),
        webhooks: webhooks(&mut reader),
        telemetry: telemetry::read(&mut reader),
        data_dir,
    };
    check_whole(&mut reader, &config, part);
    match reader.into_problems() {
        problems if problems.is_empty() => Ok(config),
        problems => Err(ConfigError { problems }),
    }
}

fn folder(reader: &Reader<'_>, name: &'static str, data_dir: &Path, inside: &str) -> PathBuf {
    reader.set_text(name).map_or_else(|| data_dir.join(inside), PathBuf::from)
}

/// Nobody is in front of a host at home, and whoever is in front of others takes a few seconds to notice.
fn shutdown_delay(reader: &mut Reader<'_>) -> Duration {
    let seconds = |name| reader.text(name).parse::<u64>().ok();
    let grace = seconds("SHUTDOWN_GRACE_SECONDS").unwrap_or(u64::MAX);
    let is_at_home =
        matches!(Environment::parse(reader.text("ENVIRONMENT")), Some(Environment::Development | Environment::Testing));
    let otherwise = if is_at_home { 0 } else { 5.min(grace / 4) };
    let set = reader.value("SHUTDOWN_DELAY_SECONDS", |text| text.parse().ok().filter(|delay| *delay < grace));
    Duration::from_secs(set.unwrap_or(otherwise))
}

fn busy_poll(reader: &mut Reader<'_>) -> Option<Duration> {
    let within = reader.value("BUSY_POLL_MICROSECONDS", |text| text.parse().ok().filter(|within| *within <= 10_000));
    within.map(Duration::from_micros)
}

fn tls(reader: &mut Reader<'_>) -> Option<TlsFiles> {
    let path = |name| reader.set_text(name).map(PathBuf::from);
    match (path("TLS_CERT_FILE"), path("TLS_KEY_FILE")) {
        (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
        (None, None) => None,
        (Some(_), None) => {
            reader.complain("TLS_KEY_FILE", "expected the key of the certificate in TLS_CERT_FILE");
            None
        }
        (None, Some(_)) => {
            reader.complain("TLS_CERT_FILE", "expected the certificate of the key in TLS_KEY_FILE");
            None
        }
    }
}

fn logs(reader: &mut Reader<'_>) -> Logs {
    Logs {
        level: reader.value("LOG_LEVEL", LogLevel::parse).unwrap_or(LogLevel::Info),
        format: reader.value("LOG_FORMAT", LogFormat::parse).unwrap_or(LogFormat::Auto),
        access: reader.value("ACCESS_LOG", AccessLog::parse).unwrap_or(AccessLog::Store),
        store: LogStore {
            max_entries: reader.number("LOG_STORE_MAX_ENTRIES", 0..=1_000_000),
            retention: Duration::from_secs(86_400 * reader.number("LOG_STORE_RETENTION_DAYS", 1..=365)),
        },
    }
}

fn access(reader: &mut Reader<'_>) -> Access {
    Access {
        // The strictest when it is not understood, so that no other problem hides behind it.
        environment: reader.value("ENVIRONMENT", Environment::parse).unwrap_or(Environment::Production),
        // Of any length: deployments that move over here keep the keys they have.
        api_key: reader.secret("API_KEY"),
        admin_api_key: reader.secret("ADMIN_API_KEY"),
        token_secret: long_secret(reader, "TOKEN_SECRET"),
        job_access: reader.value("JOB_ACCESS", JobAccess::parse).unwrap_or(JobAccess::Owner),
        session: Duration::from_secs(reader.number("SESSION_SECONDS", 60..=604_800)),
        allowed_origins: reader.list("ALLOWED_ORIGINS", is_origin),
        trusted_proxies: reader.list("TRUSTED_PROXIES", is_network),
    }
}

fn component_key(reader: &mut Reader<'_>) -> Option<CosignKey> {
    let path = reader.set_text("COMPONENT_KEY")?;
    let read = std::fs::read_to_string(path).map_err(|error| format!("{path} cannot be read: {error}"));
    let key = read.and_then(|pem| {
        CosignKey::from_pem(&pem).ok_or_else(|| format!("{path} is not cosign's public key (ECDSA P-256)"))
    });
    key.map_err(|problem| reader.complain("COMPONENT_KEY", problem)).ok()
}

fn logins(reader: &mut Reader<'_>) -> Logins {
    let Some(path) = reader.set_text("REGISTRY_AUTH_FILE") else { return Logins::default() };
    let logins = Logins::in_file(Path::new(path));
    logins.map_err(|error| reader.complain("REGISTRY_AUTH_FILE", format!("{path}: {error}"))).unwrap_or_default()
}

fn limits(reader: &mut Reader<'_>) -> Limits {
    Limits {
        requests_per_minute: reader.number("RATE_LIMIT_PER_MINUTE", 0..=u32::MAX),
        requests_per_hour: reader.number("RATE_LIMIT_PER_HOUR", 0..=u32::MAX),
        uploads_per_minute: reader.number("RATE_LIMIT_UPLOADS_PER_MINUTE", 0..=u32::MAX),
        wrong_keys_per_minute: reader.number("RATE_LIMIT_WRONG_KEYS_PER_MINUTE", 1..=u32::MAX),
        max_upload_size: reader.number("MAX_UPLOAD_SIZE", 1024..=1 << 30),
        max_files_per_batch: reader.number("MAX_FILES_PER_BATCH", 1..=1000),
        upload_timeout: Duration::from_secs(reader.number("UPLOAD_TIMEOUT_SECONDS", 1..=25)),
        max_queued_files: reader.number("MAX_QUEUED_FILES", 1..=u64::from(u32::MAX)),
        job_ttl: Duration::from_secs(reader.number("JOB_TTL_SECONDS", 60..=u64::from(u32::MAX))),
        max_streams: reader.number("MAX_STREAMS", 1..=1_000_000),
        max_streams_per_key: reader.number("MAX_STREAMS_PER_KEY", 1..=1_000_000),
        max_streams_per_address: reader.number("MAX_STREAMS_PER_ADDRESS", 1..=1_000_000),
    }
}

fn redis(reader: &mut Reader<'_>) -> RedisSettings {
    RedisSettings {
        url: redis_url(reader),
        keys: reader.value("REDIS_KEY_PREFIX", Keyspace::with_prefix).unwrap_or_default(),
        wait_replicas: reader.number("REDIS_WAIT_REPLICAS", 0..=9),
        wait_within: Duration::from_millis(reader.number("REDIS_WAIT_MILLISECONDS", 10..=5000)),
    }
}

fn redis_url(reader: &mut Reader<'_>) -> Option<SecretString> {
    let port: u16 = reader.number("REDIS_PORT", 1..=u16::MAX);
    if reader.set_text("REDIS_URL").is_some() {
        return reader.value("REDIS_URL", |text| {
            let url = url::Url::parse(text).ok()?;
            (matches!(url.scheme(), "redis" | "rediss") && url.has_host()).then(|| SecretString::from(text))
        });
    }
    let password = reader.secret("REDIS_PASSWORD");
    reader.value("REDIS_HOST", |host| {
        let host = if host.parse::<Ipv6Addr>().is_ok() { format!("[{host}]") } else { host.to_owned() };
        let mut url = url::Url::parse(&format!("redis://{host}:{port}")).ok()?;
        if let Some(password) = &password {
            url.set_password(Some(password.expose_secret())).ok()?;
        }
        Some(SecretString::from(url.as_str()))
    })
}

fn blobs(reader: &mut Reader<'_>) -> BlobSettings {
    BlobSettings {
        keep_results: reader.value("KEEP_RESULTS", |text| text.parse().ok()).unwrap_or(true),
        min_free: reader.value("MIN_FREE_DISK", FreeSpace::parse).unwrap_or(FreeSpace::Bytes(0)),
        sweep: sweep(reader),
        listen: reader.parsed("BLOB_LISTEN"),
        url: reader.http_url("BLOB_URL"),
        token: long_secret(reader, "BLOB_TOKEN"),
    }
}

fn sweep(reader: &mut Reader<'_>) -> Sweep {
    let every: u64 = reader.number("SWEEP_INTERVAL_SECONDS", 0..=604_800);
    Sweep {
        every: (every > 0).then(|| Duration::from_secs(every)),
        // An upload, which makes its job in the end, is given up long before this.
        orphan_age: Duration::from_secs(reader.number("ORPHAN_AGE_SECONDS", 900..=31_536_000)),
    }
}

/// A secret that only programs present, so that nothing speaks for a short one.
fn long_secret(reader: &mut Reader<'_>, name: &'static str) -> Option<SecretString> {
    reader.value(name, |text| (text.len() >= LONG_ENOUGH).then(|| SecretString::from(text)))
}

fn fal(reader: &mut Reader<'_>) -> FalSettings {
    let is_key = |text: &str| text.split_once(':').is_some_and(|(id, secret)| !id.is_empty() && !secret.is_empty());
    let is_id = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    let is_endpoint = |text: &str| text.contains('/') && text.split('/').all(|part| !part.is_empty() && is_id(part));
    let queue_url = reader.http_url("FAL_QUEUE_URL").unwrap_or_default();
    FalSettings {
        key: reader.value("FAL_KEY", |text| is_key(text).then(|| SecretString::from(text))),
        backup_queue_url: backup_queue(reader, &queue_url),
        queue_url,
        history_key: reader.value("FAL_HISTORY_KEY", |text| is_key(text).then(|| SecretString::from(text))),
        webhook_url: reader.http_url("FAL_WEBHOOK_URL").and_then(|url| url::Url::parse(&url).ok()),
        rest_url: reader.http_url("FAL_REST_URL").unwrap_or_default(),
        api_url: reader.http_url("FAL_API_URL").unwrap_or_default(),
        result_hosts: reader.list("FAL_RESULT_HOSTS", is_host),
        default_model: reader.value("DEFAULT_MODEL", |t| is_id(t).then(|| t.to_owned())).unwrap_or_default(),
        model_endpoint: reader.value("FAL_MODEL_ENDPOINT", |text| is_endpoint(text).then(|| text.to_owned())),
        max_concurrent: reader.number("MAX_CONCURRENT_TASKS", 1..=10_000),
        max_concurrent_per_tenant: reader.number("MAX_CONCURRENT_TASKS_PER_TENANT", 1..=10_000),
        deadline: Duration::from_secs(reader.number("TASK_DEADLINE_SECONDS", 10..=86_400)),
        soft_deadline: Duration::from_secs(reader.number("TASK_SOFT_DEADLINE_SECONDS", 1..=86_400)),
        lease: Duration::from_secs(reader.number("LEASE_SECONDS", 3..=600)),
        pause: Duration::from_secs(reader.number("FAL_PAUSE_SECONDS", 1..=600)),
        submit_timeout: Duration::from_secs(reader.number("FAL_SUBMIT_TIMEOUT_SECONDS", 2..=300)),
        uncertain_submits: reader.value("UNCERTAIN_SUBMITS", UncertainSubmits::parse).unwrap_or(UncertainSubmits::Fail),
        starts_per_minute: reader.number("MAX_STARTS_PER_MINUTE", 1..=100_000),
        sim_speed: reader.number("FAL_SIM_SPEED", 0.1..=1000.0),
    }
}

/// FAL's other domain goes with FAL's own queue only: the key is for no host that nobody named.
fn backup_queue(reader: &mut Reader<'_>, queue_url: &str) -> Option<String> {
    match reader.set_text("FAL_QUEUE_BACKUP_URL") {
        None => (queue_url == QUEUE_URL).then(|| BACKUP_QUEUE_URL.to_owned()),
        Some("none") => None,
        Some(_) => reader.http_url("FAL_QUEUE_BACKUP_URL"),
    }
}

fn webhooks(reader: &mut Reader<'_>) -> Webhooks {
    Webhooks {
        allowed_hosts: reader.list("WEBHOOK_ALLOWED_HOSTS", is_host),
        first_retry: Duration::from_secs(reader.number("WEBHOOK_RETRY_SECONDS", 1..=3600)),
        max_attempts: reader.number("WEBHOOK_MAX_ATTEMPTS", 1..=100),
    }
}

/// What only the whole can tell.
fn check_whole(reader: &mut Reader<'_>, config: &Config, part: Part) {
    let serves = part != Part::Worker;
    let key_given = reader.set_text("API_KEY").is_some() || reader.set_text("ADMIN_API_KEY").is_some();
    if serves && config.access.environment != Environment::Development && !key_given {
        reader.complain("API_KEY", "set it (or ADMIN_API_KEY): only ENVIRONMENT=development goes without a key");
    }
    let redis_given = reader.set_text("REDIS_URL").is_some() || reader.set_text("REDIS_HOST").is_some();
    if part != Part::Up && !redis_given {
        reader.complain("REDIS_URL", "set it: only `image2model up` starts a Redis of its own");
    }
    if part == Part::Worker && reader.set_text("FAL_KEY").is_none() {
        reader.complain("FAL_KEY", "set it: only `image2model up` simulates FAL.AI");
    }
    if config.blobs.url.is_some() && reader.set_text("BLOB_TOKEN").is_none() {
        reader.complain("BLOB_TOKEN", "set it to the token of the gateway that BLOB_URL names");
    }
    // Components may reach hosts, not paths of them (`allowed_outbound_hosts`).
    if config.blobs.url.as_deref().is_some_and(has_path) {
        reader.complain("BLOB_URL", "expected scheme, host and port only, such as http://10.0.0.5:3001: no path");
    }
}

/// Whether a URL names a place below its host.
fn has_path(url: &str) -> bool {
    url::Url::parse(url).is_ok_and(|url| url.path() != "/" || url.fragment().is_some() || !url.username().is_empty())
}

fn is_origin(text: &str) -> bool {
    let plain = |url: url::Url| matches!(url.scheme(), "http" | "https") && url.path() == "/" && url.query().is_none();
    text == "*" || url::Url::parse(text).is_ok_and(plain)
}

fn is_network(text: &str) -> bool {
    let (address, bits) = text.split_once('/').unwrap_or((text, "0"));
    address
        .parse::<IpAddr>()
        .is_ok_and(|ip| bits.parse::<u8>().is_ok_and(|bits| bits <= if ip.is_ipv4() { 32 } else { 128 }))
}

fn is_host(text: &str) -> bool {
    let name = text.strip_prefix("*.").unwrap_or(text);
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b':' | b'[' | b']'))
}
