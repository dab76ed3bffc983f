//! Is the new generation worse than the old one? Both are counted while they answer side by side, on every host for itself.
//!
//! The new one is given up when it fails clearly more often, or takes clearly longer: differences that chance makes with the
//! few requests of a small weight do not count.

use std::time::Duration;

use crate::edge::usage::{Usage, UsageReport};

/// Failures that are no accident.
const FAILURES: u64 = 5;
/// How much larger the part of failures may be, in percent of all requests.
const MORE_FAILURES: f64 = 5.0;
/// Requests that a mean is worth something from.
const REQUESTS: u64 = 50;
/// A mean may be so many times the old one's, and this much longer on top.
const TIMES: f64 = 2.0;
const LONGER_MS: f64 = 20.0;

/// Both generations' counts.
#[derive(Default)]
pub(in crate::edge) struct Judge {
    old: Usage,
    new: Usage,
}

/// Which generation answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::edge) enum Side {
    Old,
    New,
}

impl Judge {
    pub fn answered(&self, side: Side, took: Duration, failed: bool) {
        match side {
            Side::Old => self.old.answered(took, failed),
            Side::New => self.new.answered(took, failed),
        }
    }

    /// Why the new one is to be given up, in words for the operator.
    pub fn worse(&self) -> Option<(&'static str, String)> {
        let (old, new) = (self.old.read(), self.new.read());
        let (before, now) = (failures(&old), failures(&new));
        if new.errors >= FAILURES && now > before + MORE_FAILURES {
            let message = format!(
                "{} of {} requests failed ({now:.0} %), against {} of {} ({before:.0} %) of the release that is served",
                new.errors, new.requests, old.errors, old.requests
            );
            return Some(("CANARY_FAILS", message));
        }
        let (before, now) = (mean_ms(&old), mean_ms(&new));
        if old.requests >= REQUESTS && new.requests >= REQUESTS && now > before * TIMES + LONGER_MS {
            let message = format!("requests take {now:.0} ms, against {before:.0} ms of the release that is served");
            return Some(("CANARY_SLOW", message));
        }
        None
    }
}

fn failures(report: &UsageReport) -> f64 {
    if report.requests == 0 { 0.0 } else { 100.0 * report.errors as f64 / report.requests as f64 }
}

fn mean_ms(report: &UsageReport) -> f64 {
    if report.requests == 0 { 0.0 } else { report.duration_ms as f64 / report.requests as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(old: (u64, u64, u64), new: (u64, u64, u64)) -> Option<&'static str> {
        let judge = Judge::default();
        for (side, (requests, failed, ms)) in [(Side::Old, old), (Side::New, new)] {
            (0..requests).for_each(|n| judge.answered(side, Duration::from_millis(ms), n < failed));
        }
        judge.worse().map(|(code, _)| code)
    }

    #[test]
    fn gives_up_what_fails_or_drags() {
        assert_eq!(judge((0, 0, 0), (5, 5, 1)), Some("CANARY_FAILS"));
        assert_eq!(judge((1000, 10, 5), (50, 6, 5)), Some("CANARY_FAILS"));
        assert_eq!(judge((100, 0, 10), (50, 0, 45)), Some("CANARY_SLOW"));
    }

    #[test]
    fn bears_what_chance_makes_and_what_the_old_one_does_too() {
        assert_eq!(judge((1000, 0, 5), (4, 4, 5)), None, "four are an accident");
        assert_eq!(judge((100, 50, 5), (100, 52, 5)), None, "the old one fails as well");
        assert_eq!(judge((10, 0, 1), (60, 0, 500)), None, "nothing to compare with");
        assert_eq!(judge((100, 0, 2), (100, 0, 20)), None, "a few ms");
    }
}
