//! Requests by route: how many, how many failed, how long the answers took to begin.

use std::collections::HashMap;

use image2model_domain::log::{LogKind, path_shape};
use image2model_domain::time::rfc3339;
use serde_json::{Map, Value, json};

use crate::logs::store::Stored;

/// Routes kept apart; paths that nobody serves could be any number.
const MOST_ROUTES: usize = 300;
/// Routes shown.
const SHOWN: usize = 15;
/// Single requests shown.
const SLOWEST: usize = 10;

#[derive(Debug, Default)]
struct Timings {
    refused: u64,
    failed: u64,
    /// Milliseconds, one a request: as many as entries are looked at.
    took: Vec<u32>,
}

/// One request that took long.
#[derive(Debug, PartialEq, Eq)]
struct Slow {
    took: u32,
    endpoint: String,
    time: i64,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Routes {
    routes: HashMap<(String, String), Timings>,
    /// The slowest requests, the slowest first.
    slowest: Vec<Slow>,
}

impl Routes {
    pub(super) fn add(&mut self, stored: &Stored) {
        let entry = &stored.entry;
        let (LogKind::Access, Some(method), Some(path)) = (stored.kind, entry.text("method"), entry.text("path"))
        else {
            return;
        };
        let key = (method.to_owned(), path_shape(path));
        if self.routes.len() >= MOST_ROUTES && !self.routes.contains_key(&key) {
            return;
        }
        let status = entry.number("status").unwrap_or_default();
        let took = u32::try_from(entry.number("elapsed_ms").unwrap_or_default()).unwrap_or(u32::MAX);
        self.note_slow(took, &key, entry.time);
        let timings = self.routes.entry(key).or_default();
        timings.refused += u64::from((400..500).contains(&status));
        timings.failed += u64::from(status >= 500);
        timings.took.push(took);
    }

    fn note_slow(&mut self, took: u32, key: &(String, String), time: i64) {
        let place = self.slowest.partition_point(|slow| slow.took >= took);
        if place < SLOWEST {
            self.slowest.insert(place, Slow { took, endpoint: endpoint(key), time });
            self.slowest.truncate(SLOWEST);
        }
    }

    /// Requests, and how long their answers took to begin, together in ms.
    fn sums(&self) -> (usize, u64) {
        let took = || self.routes.values().flat_map(|timings| &timings.took);
        (took().count(), took().map(|ms| u64::from(*ms)).sum())
    }

    /// How long an answer took to begin; nothing when nobody asked.
    pub(super) fn mean_ms(&self) -> Option<f64> {
        let (requests, took) = self.sums();
        (requests > 0).then(|| rounded(took as f64 / requests as f64))
    }

    /// Requests of each route, those asked for most first.
    fn by_requests(&self) -> Vec<(String, usize)> {
        let mut routes: Vec<_> = self.routes.iter().map(|(key, t)| (endpoint(key), t.took.len())).collect();
        routes.sort_by(|a, b| (b.1, &a.0).cmp(&(a.1, &b.0)));
        routes
    }

    /// The same, by the route.
    pub(super) fn patterns(&self) -> Map<String, Value> {
        self.by_requests().into_iter().map(|(endpoint, requests)| (endpoint, requests.into())).collect()
    }

    /// The routes asked for most.
    pub(super) fn most_asked(&self) -> Vec<Value> {
        let most = self.by_requests().into_iter().take(SHOWN);
        most.map(|(endpoint, requests)| json!({ "endpoint": endpoint, "count": requests })).collect()
    }

    /// All requests together, in the original's words.
    pub(super) fn performance(&self) -> Value {
        let failed: u64 = self.routes.values().map(|timings| timings.failed).sum();
        let percent = |requests| rounded(100.0 * failed as f64 / requests as f64);
        let slow = |slow: &Slow| json!({ "endpoint": slow.endpoint, "duration_ms": slow.took, "timestamp": rfc3339(slow.time) });
        json!({
            "avg_response_time": self.mean_ms(),
            "slow_requests": self.slowest.iter().map(slow).collect::<Vec<_>>(),
            "error_rate": Some(self.sums().0).filter(|requests| *requests > 0).map(percent),
        })
    }

    /// The slowest first, by the time that nineteen of twenty answers keep within.
    pub(super) fn shown(&self) -> Vec<Value> {
        let mut routes: Vec<_> =
            self.routes.iter().map(|(key, timings)| (key, timings, Times::of(&timings.took))).collect();
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

/// `GET /api/v1/jobs`.
fn endpoint((method, path): &(String, String)) -> String {
    format!("{method} {path}")
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
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
