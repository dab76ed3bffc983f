//! Where FAL.AI is, and what bounds the calls to it.

use std::time::Duration;

use secrecy::SecretString;

/// Base of FAL's own queue API.
pub const QUEUE_URL: &str = "https://queue.fal.run";
/// The same at FAL's other domain.
pub const BACKUP_QUEUE_URL: &str = "https://queue.falrun.com";
/// Base of FAL's own storage API.
pub const REST_URL: &str = "https://rest.fal.ai";
/// Base of FAL's own platform API.
pub const API_URL: &str = "https://api.fal.ai";
/// Hosts of FAL's files, between commas.
pub const FILE_HOSTS: &str = "*.fal.media,fal.media,storage.googleapis.com";

/// Settings of a [`FalClient`](super::FalClient).
#[derive(Debug, Clone)]
pub struct FalConfig {
    /// Base of the queue API, [`QUEUE_URL`]; a path prefix is allowed.
    pub queue_url: String,
    /// Base of the same queue at another domain, for calls to which the first gives no connection.
    pub backup_queue_url: Option<String>,
    /// Base of the storage API, [`REST_URL`].
    pub rest_url: String,
    /// Base of the platform API, [`API_URL`].
    pub api_url: String,
    /// `<key id>:<key secret>`.
    pub key: SecretString,
    /// Key that may read the request history, where [`FalConfig::key`] may not.
    pub history_key: Option<SecretString>,
    /// Hosts that files are fetched from and images are put to, beside the bases: `fal.media`, `*.fal.media`. HTTPS only.
    pub file_hosts: Vec<String>,
    /// How long FAL keeps an uploaded image.
    pub image_lifetime: Duration,
    /// The largest file fetched, bytes.
    pub max_file_bytes: u64,
    /// To establish a connection.
    pub connect_timeout: Duration,
    /// For a whole status, result, cancel, history or storage call.
    pub call_timeout: Duration,
    /// For a whole submit. When it runs out, whether the submit was accepted is unknown.
    pub submit_timeout: Duration,
    /// For silence while file bytes flow, either way.
    pub idle_timeout: Duration,
    /// For a whole file, however often its transfer is taken up again.
    pub file_timeout: Duration,
    /// How often the transfer of one file is taken up again where it broke off.
    pub file_resumes: u32,
    /// Tries of one upload.
    pub upload_tries: u32,
}

impl FalConfig {
    /// The real platform.
    #[must_use]
    pub fn new(key: SecretString) -> Self {
        Self {
            queue_url: QUEUE_URL.to_owned(),
            backup_queue_url: Some(BACKUP_QUEUE_URL.to_owned()),
            rest_url: REST_URL.to_owned(),
            api_url: API_URL.to_owned(),
            key,
            history_key: None,
            file_hosts: FILE_HOSTS.split(',').map(str::to_owned).collect(),
            image_lifetime: Duration::from_secs(24 * 60 * 60),
            max_file_bytes: 512 << 20,
            connect_timeout: Duration::from_secs(5),
            call_timeout: Duration::from_secs(20),
            submit_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(30),
            file_timeout: Duration::from_secs(10 * 60),
            file_resumes: 5,
            upload_tries: 4,
        }
    }

    /// A simulator below one address, `http://127.0.0.1:8080`: FAL's hosts are path prefixes there.
    #[must_use]
    pub fn simulator(base_url: &str, key: SecretString) -> Self {
        let base = base_url.trim_end_matches('/');
        Self {
            queue_url: format!("{base}/queue"),
            backup_queue_url: None,
            rest_url: format!("{base}/rest"),
            api_url: format!("{base}/api"),
            ..Self::new(key)
        }
    }
}
