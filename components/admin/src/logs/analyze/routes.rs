//! Requests by route: how many, how many failed, how long the answers took to begin.

use std::collections::HashMap;

use image2model_domain::log::{LogKind, path_shape};
use serde_json::{Value, json};

use crate::logs::store::Stored;

/// Routes kept apart; paths that nobody serves could be any number.
const MOST_ROUTES: usize = 300;
/// Routes shown.
const SHOWN: usize = 15;

#[derive(Debug, Default)]
struct Timings {
    refused: u64,
    failed: u64,
    /// Milliseconds, one a request: as many as entries are looked at.
    took: Vec<u32>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Routes(HashMap<(String, String), Timings>);

impl Routes {
    pub(super) fn add(&mut self, stored: &Stored) {
        let entry = &stored.entry;
        let (LogKind::Access, Some(method), Some(path)) = (stored.kind, entry.text("method"), entry.text("path"))
        else {
            return;
        };
        let key = (method.to_owned(), path_shape(path));
        if self.0.len() >= MOST_ROUTES && !self.0.contains_key(&key) {
            return;
        }
        let status = entry.number("status").unwrap_or_default();
        let timings = self.0.entry(key).or_default();
        timings.refused += u64::from((400..500).contains(&status));
        timings.failed += u64::from(status >= 500);
        timings.took.push(u32::try_from(entry.number("elapsed_ms").unwrap_or_default()).unwrap_or(u32::MAX));
    }

    /// The slowest first, by the time that nineteen of twenty answers keep within.
    pub(super) fn shown(&self) -> Vec<Value> {
        let mut routes: Vec<_> = self.0.iter().map(|(key, timings)| (key, timings, Times::of(&timings.took))).collect();
        routes.sort_by(|a, b| (b.2.p95, b.2.worst, a.0).cmp(&(a.2.p95, a.2.worst, b.0)));
        let shown = routes.iter().take(SHOWN).map(|((method, path), timings, times)| {
            json!({
                "method": method, "route": path, "requests": timings.took.len(),
                "client_errors": timings.refused, "server_errors": timings.failed,
                "mean_ms": times.mean, "p50_ms": times.p50, "p95_ms": times.p95, "max_ms": times.worst,
            })
        });
        shown.collect()
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Times {
    mean: u64,
    p50: u32,
    p95: u32,
    worst: u32,
}

impl Times {
    fn of(took: &[u32]) -> Self {
        let mut sorted = took.to_vec();
        sorted.sort_unstable();
        let count = sorted.len();
        let rank = |percent: usize| sorted.get((count * percent).div_ceil(100).saturating_sub(1)).copied();
        let sum: u64 = sorted.iter().map(|ms| u64::from(*ms)).sum();
        Self {
            mean: sum.checked_div(u64::try_from(count).unwrap_or_default()).unwrap_or_default(),
            p50: rank(50).unwrap_or_default(),
            p95: rank(95).unwrap_or_default(),
            worst: sorted.last().copied().unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::store::tests::stored;
    use image2model_domain::log::LogLevel;

    fn request(path: &str, status: u64, ms: u64) -> Stored {
        let fields =
            [("method", "GET".into()), ("path", path.into()), ("status", status.into()), ("elapsed_ms", ms.into())];
        stored(LogKind::Access, LogLevel::Info, "request", &fields)
    }

    #[test]
    fn percentiles_are_by_rank() {
        let hundred: Vec<u32> = (1..=100).rev().collect();
        assert_eq!(Times::of(&hundred), Times { mean: 50, p50: 50, p95: 95, worst: 100 });
        assert_eq!(Times::of(&[7]), Times { mean: 7, p50: 7, p95: 7, worst: 7 });
        assert_eq!(Times::of(&[]), Times::default());
    }

    #[test]
    fn the_slowest_route_comes_first() {
        let mut routes = Routes::default();
        for id in ["0123456789abcdef0123456789abcdef", "1123456789abcdef0123456789abcdef"] {
            routes.add(&request(&format!("/api/v1/status/{id}"), 200, 3));
        }
        routes.add(&request("/api/v1/jobs", 503, 900));
        routes.add(&stored(LogKind::App, LogLevel::Error, "no request", &[]));
        let shown = routes.shown();
        assert_eq!((&shown[0]["route"], &shown[0]["server_errors"]), (&"/api/v1/jobs".into(), &1.into()));
        assert_eq!((&shown[1]["route"], &shown[1]["requests"]), (&"/api/v1/status/:id".into(), &2.into()));
    }
}
