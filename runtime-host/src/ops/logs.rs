//! Log lines on standard error: for people or, as JSON, for machines. `RUST_LOG` overrides what `LOG_LEVEL` says.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::{Environment, LogFormat, Logs};

/// Installs the process's subscriber. A second call changes nothing.
pub fn init(logs: Logs, environment: Environment) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(directives(logs.level.as_str())));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let json = match logs.format {
        LogFormat::Json => true,
        LogFormat::Compact => false,
        LogFormat::Auto => environment != Environment::Development,
    };
    // An error means that somebody installed one before.
    let _ = if json {
        builder.json().flatten_event(true).try_init()
    } else {
        builder.compact().with_ansi(std::io::stderr().is_terminal()).try_init()
    };
}

/// Our own crates at the wanted level; libraries only when they warn, unless everything is wanted.
fn directives(level: &str) -> String {
    match level {
        "trace" => "info,image2model=trace,image2model_host=trace,fal_sim=trace,redis_server=trace".to_owned(),
        "error" => "error".to_owned(),
        level => format!("warn,image2model={level},image2model_host={level},fal_sim={level},redis_server={level}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_makes_a_filter() {
        for level in ["error", "warn", "info", "debug", "trace"] {
            assert!(EnvFilter::builder().parse(directives(level)).is_ok(), "{level}");
        }
    }
}
