//! Which log an entry belongs to: requests and errors first, then by the part that says it.

use image2model_domain::log::{LogKind, LogLevel};

use super::{ACCESS, COMPONENT};

/// Modules whose lines are the worker's.
const WORKER: [&str; 2] = ["image2model_host::worker", "image2model_host::fal"];

/// The log of what `target` says at this level.
pub(super) fn of(target: &str, level: LogLevel) -> LogKind {
    let within =
        |module: &str| target.strip_prefix(module).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"));
    if within(ACCESS) {
        LogKind::Access
    } else if level == LogLevel::Error {
        LogKind::Error
    } else if within(COMPONENT) {
        LogKind::Components
    } else if WORKER.into_iter().any(within) {
        LogKind::Worker
    } else {
        LogKind::App
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_has_its_log_and_errors_have_their_own() {
        for (target, level, kind) in [
            (ACCESS, LogLevel::Warn, LogKind::Access),
            (COMPONENT, LogLevel::Warn, LogKind::Components),
            (COMPONENT, LogLevel::Error, LogKind::Error),
            ("image2model_host::worker::attempt", LogLevel::Info, LogKind::Worker),
            ("image2model_host::workers", LogLevel::Info, LogKind::App),
            ("image2model_host::fal::client", LogLevel::Error, LogKind::Error),
            ("hyper", LogLevel::Warn, LogKind::App),
        ] {
            assert_eq!(of(target, level), kind, "{target} {level:?}");
        }
    }
}
