//! All configuration: environment, `.env` and flags become one typed structure, or one list of everything that is wrong.
//!
//! Nothing is opened here and no port is bound. `table` is the only place that names a variable's default and meaning;
//! `docs/configuration.md` and `.env.example` are written from it.

mod docs;
mod load;
mod problem;
mod reader;
mod source;
mod spin;
mod table;
mod telemetry;
mod values;
mod variable;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use image2model_domain::Keyspace;
use secrecy::{ExposeSecret, SecretString};

use crate::blobs::FreeSpace;
use crate::edge::swap::fetch::{CosignKey, Logins};
use crate::intake::TlsFiles;
use crate::otlp::Metrics;
use crate::trace::Traces;

pub use docs::{env_example, markdown};
pub use problem::{ConfigError, Problem};
pub use source::Source;
pub use spin::{Wiring, contradicted, given_variables, spin_variables};
pub use table::variables;
pub use values::{AccessLog, Environment, JobAccess, LogFormat, LogLevel, UncertainSubmits};
pub use variable::{Group, Variable};

/// A secret of so many bytes is not found by trying.
const LONG_ENOUGH: usize = 16;

/// Which part of the host is started: what must be set differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Everything in one process.
    Up,
    /// The application.
    Serve,
    /// The FAL.AI worker.
    Worker,
    /// The event streams.
    Stream,
}

/// Everything the host can be told.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the public port is opened.
    pub listen: SocketAddr,
    /// Where the stream server listens when it runs alone.
    pub stream_listen: SocketAddr,
    /// The certificate of the public port, where it is encrypted.
    pub tls: Option<TlsFiles>,
    /// The folder of everything that must outlive the process.
    pub data_dir: PathBuf,
    /// Compiled components.
    pub compile_cache_dir: PathBuf,
    /// The Spin manifest.
    pub manifest: PathBuf,
    /// Certificate authorities that components' requests trust beside the system's.
    pub authorities: Option<PathBuf>,
    /// Which of its build profiles is served.
    pub profile: Option<String>,
    /// Variables of the application by their own names, from `SPIN_VARIABLE_<NAME>`.
    pub spin_variables: std::collections::HashMap<String, SecretString>,
    /// The key that components from elsewhere must be signed with.
    pub component_key: Option<CosignKey>,
    /// Who this host is to registries that want a password.
    pub logins: Logins,
    /// Uploaded images.
    pub upload_dir: PathBuf,
    /// Models and previews.
    pub results_dir: PathBuf,
    /// How long a stop may take.
    pub shutdown_grace: Duration,
    /// How much of it connections are still taken for.
    pub shutdown_delay: Duration,
    /// How long more is looked for without sleeping, where somebody says.
    pub busy_poll: Option<Duration>,
    /// Public address of the stream server, for the status component's redirect.
    pub stream_url: Option<String>,
    /// See [`Logs`].
    pub logs: Logs,
    /// See [`Access`].
    pub access: Access,
    /// See [`Limits`].
    pub limits: Limits,
    /// See [`RedisSettings`].
    pub redis: RedisSettings,
    /// See [`BlobSettings`].
    pub blobs: BlobSettings,
    /// See [`FalSettings`].
    pub fal: FalSettings,
    /// See [`Webhooks`].
    pub webhooks: Webhooks,
    /// Spans and metrics.
    pub telemetry: Telemetry,
}

/// What is logged, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Logs {
    /// From which level on.
    pub level: LogLevel,
    /// For people or for machines.
    pub format: LogFormat,
    /// What becomes of requests.
    pub access: AccessLog,
    /// See [`LogStore`].
    pub store: LogStore,
}

/// What is kept in Redis for `/api/v1/logs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogStore {
    /// About how many entries of each log; 0 keeps none.
    pub max_entries: u64,
    /// How long an entry is kept.
    pub retention: Duration,
}

/// Who may do what.
#[derive(Debug, Clone)]
pub struct Access {
    /// How strict to be.
    pub environment: Environment,
    /// Opens the user routes.
    pub api_key: Option<SecretString>,
    /// Opens every route.
    pub admin_api_key: Option<SecretString>,
    /// Signs the jobs' access tokens.
    pub token_secret: Option<SecretString>,
    /// Who may see a job.
    pub job_access: JobAccess,
    /// How long a browser's session lasts.
    pub session: Duration,
    /// Origins of other sites that may call from a browser.
    pub allowed_origins: Vec<String>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<String>,
}

/// Bounds of what callers may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Requests a minute, a caller; 0 is any number.
    pub requests_per_minute: u32,
    /// Requests an hour, a caller; 0 is any number.
    pub requests_per_hour: u32,
    /// Uploads a minute, a caller; 0 is any number.
    pub uploads_per_minute: u32,
    /// Wrong keys of one address a minute.
    pub wrong_keys_per_minute: u32,
    /// Bytes of one image.
    pub max_upload_size: u64,
    /// Images of one upload.
    pub max_files_per_batch: u32,
    /// How long a client may keep its upload waiting.
    pub upload_timeout: Duration,
    /// Files that may wait in all.
    pub max_queued_files: u64,
    /// How long a job is kept after its end.
    pub job_ttl: Duration,
    /// Event streams open at a time.
    pub max_streams: usize,
    /// Event streams of one key.
    pub max_streams_per_key: usize,
    /// Event streams of one client address.
    pub max_streams_per_address: usize,
}

/// Redis, and this deployment's part of it.
#[derive(Debug, Clone)]
pub struct RedisSettings {
    /// Where it is; without it `up` starts its own. Holds a password, perhaps.
    pub url: Option<SecretString>,
    /// The names of the keys.
    pub keys: Keyspace,
    /// How many replicas have to know of a submission before it is made.
    pub wait_replicas: u32,
    /// How long they may take to say so.
    pub wait_within: Duration,
}

/// The blob gateway.
#[derive(Debug, Clone)]
pub struct BlobSettings {
    /// Whether results are stored, or left at the provider.
    pub keep_results: bool,
    /// What is to stay free of the disk: uploads are refused below it.
    pub min_free: FreeSpace,
    /// See [`Sweep`].
    pub sweep: Sweep,
    /// Where it listens, when that was said.
    pub listen: Option<SocketAddr>,
    /// Another host's gateway, to be used in place of an own one.
    pub url: Option<String>,
    /// What its callers present.
    pub token: Option<SecretString>,
}

/// Looking for blobs that no job knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sweep {
    /// Between the beginnings of two sweeps; `None` for never.
    pub every: Option<Duration>,
    /// How old a blob of no job is before it goes.
    pub orphan_age: Duration,
}

/// FAL.AI.
#[derive(Debug, Clone)]
pub struct FalSettings {
    /// The account; without it `up` simulates FAL.
    pub key: Option<SecretString>,
    /// Queue API.
    pub queue_url: String,
    /// The same at another domain, for calls to which the first gives no connection.
    pub backup_queue_url: Option<String>,
    /// Storage API.
    pub rest_url: String,
    /// Platform API.
    pub api_url: String,
    /// A key that may read the request history.
    pub history_key: Option<SecretString>,
    /// Public address at which FAL tells that requests have ended.
    pub webhook_url: Option<url::Url>,
    /// Hosts that results may lie on.
    pub result_hosts: Vec<String>,
    /// Provider used when the client names none.
    pub default_model: String,
    /// Endpoint at FAL for the default provider, in place of its own choice.
    pub model_endpoint: Option<String>,
    /// Files generated at a time, over all workers.
    pub max_concurrent: u32,
    /// Files of one caller generated at a time, over all workers.
    pub max_concurrent_per_tenant: u32,
    /// Files started a minute, over all workers.
    pub starts_per_minute: u32,
    /// How long one file may take.
    pub deadline: Duration,
    /// How long before its owner is told that it takes longer than usual.
    pub soft_deadline: Duration,
    /// How long a file is held without a sign of life.
    pub lease: Duration,
    /// How long a submit may go without its answer.
    pub submit_timeout: Duration,
    /// How long files wait once FAL is away or refuses the account.
    pub pause: Duration,
    /// What to do when a submit's fate stays unknown.
    pub uncertain_submits: UncertainSubmits,
    /// How many times faster than the real one the simulator is.
    pub sim_speed: f64,
}

/// Calls to the owners of jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhooks {
    /// Hosts that may be called without TLS and at private addresses, with or without a port.
    pub allowed_hosts: Vec<String>,
    /// Delay after the first call that failed.
    pub first_retry: Duration,
    /// Calls before it is given up.
    pub max_attempts: u32,
}

/// What is sent to collectors, and what it says of this process.
#[derive(Debug, Clone)]
pub struct Telemetry {
    /// What this process is called.
    pub service: Option<String>,
    /// What else is said of it.
    pub attributes: Vec<(String, String)>,
    /// Without it there are no spans.
    pub traces: Option<Traces>,
    /// Without it metrics are only where they are asked for.
    pub metrics: Option<Metrics>,
}

impl Config {
    /// Reads everything, or says everything that is wrong.
    ///
    /// # Errors
    /// [`ConfigError`] with every problem found.
    pub fn load(source: &Source, part: Part) -> Result<Self, ConfigError> {
        load::load(source, part)
    }

    /// No key is configured, and that is allowed here: every caller is let in.
    #[must_use]
    pub fn lets_everybody_in(&self) -> bool {
        self.access.api_key.is_none() && self.access.admin_api_key.is_none()
    }

    /// Keys that could be guessed, by their names; none in development and testing, whose keys protect nothing.
    pub fn short_keys(&self) -> impl Iterator<Item = &'static str> {
        let keys = [("API_KEY", &self.access.api_key), ("ADMIN_API_KEY", &self.access.admin_api_key)];
        let is_short =
            |key: &Option<SecretString>| key.as_ref().is_some_and(|key| key.expose_secret().len() < LONG_ENOUGH);
        let matters = !matches!(self.access.environment, Environment::Development | Environment::Testing);
        keys.into_iter().filter(move |(_, key)| matters && is_short(key)).map(|(name, _)| name)
    }
}
