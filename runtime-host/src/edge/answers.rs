//! The answers of one component, told apart as OpenTelemetry does it (`http.server.request.duration`): by method, scheme,
//! route and status. Bounded, whatever clients and guests invent: unknown methods are `_OTHER`, and beyond [`MOST`] kinds an answer counts
//! by the first of its status' hundred.

use std::time::Duration;

use http::Method;
use parking_lot::Mutex;

use super::usage::{BOUNDS_MS, bucket};

/// Kinds of answers that are told apart in full.
const MOST: usize = 128;

/// All of one component's.
#[derive(Debug, Default)]
pub(crate) struct Answers(Mutex<Vec<AnswerReport>>);

/// What was answered.
pub(crate) struct To<'a> {
    pub method: &'a Method,
    /// Whether the connection was.
    pub encrypted: bool,
    /// As the manifest says it.
    pub route: &'a str,
}

/// Answers of one kind.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct AnswerReport {
    /// A method of HTTP, or `_OTHER`.
    pub method: &'static str,
    /// How the connection was: `http` or `https`.
    pub scheme: &'static str,
    /// As the manifest says it.
    pub route: String,
    /// The status.
    pub status: u16,
    /// Time that all of them took together, µs.
    pub duration_us: u64,
    /// How many took how long: one for each of [`BOUNDS_MS`], and those above. Not cumulative.
    pub buckets: [u64; BOUNDS_MS.len() + 1],
}

impl Answers {
    /// One answer, until its head.
    pub fn count(&self, to: &To<'_>, status: u16, took: Duration) {
        let kind = Kind::of(to);
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let mut all = self.0.lock();
        let find = |all: &[AnswerReport], status| all.iter().position(|one| one.status == status && kind.is_of(one));
        let rounded = status / 100 * 100;
        let found = match find(&all, status) {
            None if all.len() >= MOST => find(&all, rounded).or_else(|| push(&mut all, &kind, rounded)),
            None => push(&mut all, &kind, status),
            found => found,
        };
        if let Some(one) = found.and_then(|index| all.get_mut(index)) {
            one.duration_us = one.duration_us.saturating_add(us);
            if let Some(count) = one.buckets.get_mut(bucket(us)) {
                *count += 1;
            }
        }
    }

    /// The counts now.
    pub fn read(&self) -> Vec<AnswerReport> {
        self.0.lock().clone()
    }
}

/// What answers have in common, as it is reported.
struct Kind<'a> {
    method: &'static str,
    scheme: &'static str,
    route: &'a str,
}

impl<'a> Kind<'a> {
    fn of(to: &To<'a>) -> Self {
        Self { method: known(to.method), scheme: if to.encrypted { "https" } else { "http" }, route: to.route }
    }

    fn is_of(&self, one: &AnswerReport) -> bool {
        one.method == self.method && one.scheme == self.scheme && one.route == self.route
    }
}

fn push(all: &mut Vec<AnswerReport>, kind: &Kind<'_>, status: u16) -> Option<usize> {
    let Kind { method, scheme, route } = *kind;
    let (route, duration_us, buckets) = (route.to_owned(), 0, Default::default());
    all.push(AnswerReport { method, scheme, route, status, duration_us, buckets });
    Some(all.len() - 1)
}

/// The methods that OpenTelemetry knows by default.
fn known(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] = ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"];
    KNOWN.iter().find(|known| **known == method.as_str()).copied().unwrap_or("_OTHER")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_apart_by_method_scheme_route_and_status() {
        let answers = Answers::default();
        let brew = Method::from_bytes(b"BREW").unwrap();
        let of = |method, encrypted| To { method, encrypted, route: "/tea/..." };
        let get = of(&Method::GET, false);
        for (to, status, ms) in [(&get, 200, 3), (&get, 200, 60_000), (&of(&brew, false), 418, 6)] {
            answers.count(to, status, Duration::from_millis(ms));
        }
        answers.count(&of(&Method::GET, true), 200, Duration::from_millis(9));
        let [get, other, encrypted] = answers.read().try_into().unwrap();
        assert_eq!((get.method, &*get.route, get.status, get.duration_us), ("GET", "/tea/...", 200, 60_003_000));
        assert_eq!(get.buckets, [1, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!((other.method, other.status, other.buckets), ("_OTHER", 418, [0, 1, 0, 0, 0, 0, 0, 0, 0, 0]));
        assert_eq!((get.scheme, encrypted.scheme, encrypted.duration_us), ("http", "https", 9_000));
    }

    #[test]
    fn a_guest_that_answers_with_every_status_takes_little() {
        let answers = Answers::default();
        let to = To { method: &Method::GET, encrypted: false, route: "/" };
        for _ in 0..2 {
            for status in 200..=999 {
                answers.count(&to, status, Duration::ZERO);
            }
        }
        let all = answers.read();
        assert!(all.len() <= MOST + 8, "{}", all.len());
        assert_eq!(all.iter().flat_map(|one| one.buckets).sum::<u64>(), 1600);
    }
}
