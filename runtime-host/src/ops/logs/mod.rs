//! The process's log: lines on standard error, for people or as JSON for machines, and entries in the log store
//! (`/api/v1/logs`). `RUST_LOG` overrides what `LOG_LEVEL` says of standard error.

mod batch;
mod fields;
mod kind;
mod layer;
mod queue;
mod writer;

use std::io::IsTerminal;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

use crate::config::{AccessLog, Environment, LogFormat, Logs};

use layer::StoreLayer;
use queue::Queue;

pub use queue::Queued;
pub use writer::{LogWriter, WriterSettings};

/// Requests, one event each.
pub const ACCESS: &str = "image2model::access";
/// Lines of components.
pub const COMPONENT: &str = "image2model::component";

/// Our own crates.
const OURS: [&str; 4] = ["image2model", "image2model_host", "fal_sim", "redis_server"];

/// Installs the process's subscriber; a second call changes nothing. What is to be stored waits in the answer until a
/// [`LogWriter`] takes it; `None` when nothing is stored.
pub fn init(logs: Logs, environment: Environment) -> Option<Queued> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(directives(logs)));
    let json = match logs.format {
        LogFormat::Json => true,
        LogFormat::Compact => false,
        LogFormat::Auto => environment != Environment::Development,
    };
    let lines = fmt::layer().with_writer(std::io::stderr);
    let lines = if json {
        lines.json().flatten_event(true).with_span_list(false).boxed()
    } else {
        lines.compact().with_ansi(std::io::stderr().is_terminal()).boxed()
    };
    let (queue, queued) = Queue::new();
    let store = (logs.store.max_entries > 0).then(|| StoreLayer::new(queue).with_filter(stored(logs)));
    let stores = store.is_some();
    // An error means that somebody installed one before.
    let installed = tracing_subscriber::registry().with(lines.with_filter(filter)).with(store).try_init().is_ok();
    (stores && installed).then_some(queued)
}

/// What is shown: our own crates at the wanted level; libraries only when they warn, unless everything is wanted.
fn directives(logs: Logs) -> String {
    let level = logs.level.as_str();
    let (others, ours) = match level {
        "trace" => ("info", "trace"),
        "error" => ("error", "error"),
        level => ("warn", level),
    };
    let access = if logs.access == AccessLog::All { ours } else { "off" };
    let ours: String = OURS.iter().map(|target| format!(",{target}={ours}")).collect();
    format!("{others}{ours},{ACCESS}={access}")
}

/// What is stored: what happens and worse, as far as the level allows.
fn stored(logs: Logs) -> Targets {
    let wanted = match logs.level.as_str() {
        "error" => LevelFilter::ERROR,
        "warn" => LevelFilter::WARN,
        _ => LevelFilter::INFO,
    };
    let access = if logs.access == AccessLog::Off { LevelFilter::OFF } else { LevelFilter::INFO };
    let ours = OURS.map(|target| (target, wanted));
    Targets::new().with_default(wanted.min(LevelFilter::WARN)).with_targets(ours).with_target(ACCESS, access)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{LogLevel, LogStore};

    fn logs(level: LogLevel, access: AccessLog) -> Logs {
        let store = LogStore { max_entries: 1, retention: std::time::Duration::ZERO };
        Logs { level, format: LogFormat::Auto, access, store }
    }

    #[test]
    fn every_level_makes_a_filter() {
        for level in [LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug, LogLevel::Trace] {
            assert!(EnvFilter::builder().parse(directives(logs(level, AccessLog::All))).is_ok(), "{level:?}");
        }
    }

    #[test]
    fn requests_are_stored_whatever_the_level_and_shown_when_wanted() {
        let info = tracing::Level::INFO;
        let quiet = stored(logs(LogLevel::Error, AccessLog::Store));
        assert!(quiet.would_enable(ACCESS, &info) && !quiet.would_enable("image2model_host::worker", &info));
        assert!(!stored(logs(LogLevel::Info, AccessLog::Off)).would_enable(ACCESS, &info));
        let usual = stored(logs(LogLevel::Debug, AccessLog::Store));
        assert!(
            usual.would_enable(COMPONENT, &info) && !usual.would_enable("image2model_host", &tracing::Level::DEBUG)
        );
        assert!(!usual.would_enable("hyper", &info) && usual.would_enable("hyper", &tracing::Level::WARN));
        assert!(directives(logs(LogLevel::Info, AccessLog::Store)).ends_with("image2model::access=off"));
    }
}
