//! What a simulator is started with. Every value has a default that suits a demonstration; tests turn up `speed`.

use crate::errors::StartError;
use std::{fmt, net::SocketAddr, ops::RangeInclusive, path::PathBuf, str::FromStr, time::Duration};

/// One API key, `id:secret`. Its secret is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    id: String,
    secret: String,
}

/// A key that is not of the form `id:secret`.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("an API key must look like KEY_ID:SECRET, both parts non-empty")]
pub struct InvalidKey;

impl ApiKey {
    /// The public half.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether `id:secret` is this key.
    pub fn matches(&self, id: &str, secret: &str) -> bool {
        self.id == id && self.secret == secret
    }
}

impl FromStr for ApiKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        match text.trim().split_once(':') {
            Some((id, secret)) if !id.is_empty() && !secret.is_empty() => {
                Ok(Self { id: id.into(), secret: secret.into() })
            }
            _ => Err(InvalidKey),
        }
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ApiKey({}:…)", self.id)
    }
}

/// Settings of one simulator.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen; port 0 picks a free one.
    pub listen: SocketAddr,
    /// The keys that may call; requests of one are invisible to the others.
    pub keys: Vec<ApiKey>,
    /// How many times faster than the real platform time passes for a job. 6 makes most jobs take four to ten seconds.
    pub speed: f64,
    /// How long a job waits in the platform's queue before it may start, at speed 1.
    pub queue_wait: RangeInclusive<Duration>,
    /// How long a job runs, at speed 1.
    pub run_time: RangeInclusive<Duration>,
    /// Jobs of one key that run at the same time; the rest wait in the queue.
    pub concurrency: usize,
    /// Models made at the same time; bounds CPU and the memory of decoded pictures.
    pub generators: usize,
    /// Whether a running job stops when it is cancelled (partner models often do not).
    pub honour_cancel: bool,
    /// How far back the `logs` of a status answer reach.
    pub log_window: Duration,
    /// Whether a running job that was cancelled is billed all the same.
    pub bill_cancelled: bool,
    /// Credits there are (one is a US cent); once they are spent, submits are refused. Without, no end of them.
    pub balance: Option<i64>,
    /// How long after its acceptance a request appears in the request history; after its end, where only finished ones do.
    pub history_lag: Duration,
    /// Whether the request history lists requests that are not finished.
    pub history_lists_unfinished: bool,
    /// Whether it lists, of these, those that wait too.
    pub history_lists_waiting: bool,
    /// Requests remembered; the oldest finished ones are forgotten first.
    pub max_requests: usize,
    /// Where files are held, those of an earlier run being removed at start; without one, a temporary folder.
    pub data_dir: Option<PathBuf>,
    /// Bytes of files kept in all; the oldest files are dropped first.
    pub max_stored_bytes: u64,
    /// Bytes of one uploaded file.
    pub max_file_bytes: u64,
    /// How often a webhook is tried.
    pub webhook_attempts: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            keys: Vec::new(),
            speed: 6.0,
            queue_wait: Duration::ZERO..=Duration::from_secs(3),
            run_time: Duration::from_secs(20)..=Duration::from_secs(60),
            concurrency: 10,
            generators: std::thread::available_parallelism().map_or(1, |count| (count.get() / 2).max(1)),
            honour_cancel: true,
            log_window: Duration::from_secs(60),
            bill_cancelled: false,
            balance: None,
            history_lag: Duration::ZERO,
            history_lists_unfinished: true,
            history_lists_waiting: true,
            max_requests: 10_000,
            data_dir: None,
            max_stored_bytes: 1 << 30,
            max_file_bytes: 256 << 20,
            webhook_attempts: 10,
        }
    }
}

impl Config {
    /// The defaults with one key, `id:secret`.
    pub fn with_key(key: &str) -> Result<Self, InvalidKey> {
        Ok(Self { keys: vec![key.parse()?], ..Self::default() })
    }

    /// Refuses settings that cannot work.
    pub(crate) fn validate(&self) -> Result<(), StartError> {
        let setting = |name, must| Err(StartError::Setting { name, must });
        if self.keys.is_empty() {
            return Err(StartError::NoKey);
        }
        if !(self.speed.is_finite() && self.speed > 0.0) {
            return setting("speed", "a number above 0");
        }
        if self.concurrency == 0 {
            return setting("concurrency", "at least 1");
        }
        if self.generators == 0 {
            return setting("generators", "at least 1");
        }
        if self.max_requests == 0 {
            return setting("max_requests", "at least 1");
        }
        Ok(())
    }

    /// A duration of the real platform at this simulator's speed.
    pub(crate) fn scaled(&self, real: Duration) -> Duration {
        Duration::try_from_secs_f64(real.as_secs_f64() / self.speed).unwrap_or(Duration::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_checked_and_never_printed() {
        for wrong in ["", "id", ":secret", "id:"] {
            assert_eq!(wrong.parse::<ApiKey>(), Err(InvalidKey), "{wrong:?}");
        }
        let key: ApiKey = " id:topsecret\n".parse().unwrap();
        assert!(key.matches("id", "topsecret"));
        assert!(!format!("{key:?}").contains("topsecret"));
    }

    #[test]
    fn settings_that_cannot_work_are_refused() {
        assert!(matches!(Config::default().validate(), Err(StartError::NoKey)));
        let config = Config { speed: 0.0, ..Config::with_key("a:b").unwrap() };
        assert_eq!(config.validate().unwrap_err().code(), "invalid_setting");
    }
}
