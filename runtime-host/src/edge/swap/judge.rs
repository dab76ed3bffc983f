//! Is the new generation worse than the old one? Both are counted while they answer side by side, on every host for itself.
//!
//! The new one is given up when it fails clearly more often, or takes clearly longer: differences that chance makes with the
//! few requests of a small weight do not count. How long requests take is told by their median: some of them are long by
//! nature, such as those that wait for news, and a mean would be made by these alone.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Failures that are no accident.
const FAILURES: u64 = 5;
/// How much larger the part of failures may be, in percent of all requests.
const MORE_FAILURES: f64 = 5.0;
/// Requests that a median is worth something from.
const REQUESTS: u64 = 50;
/// A median may be so many times the old one's, and this much longer on top.
const TIMES: f64 = 2.0;
const LONGER_MS: f64 = 20.0;

/// Both generations' counts.
#[derive(Default)]
pub(in crate::edge) struct Judge {
    old: Counts,
    new: Counts,
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
        let (before, now) = (old.failures(), new.failures());
        if new.failed >= FAILURES && now > before + MORE_FAILURES {
            let message = format!(
                "{} of {} requests failed ({now:.0} %), against {} of {} ({before:.0} %) of the release that is served",
                new.failed, new.requests, old.failed, old.requests
            );
            return Some(("CANARY_FAILS", message));
        }
        let (before, now) = (old.median_ms, new.median_ms);
        if old.requests >= REQUESTS && new.requests >= REQUESTS && now > before * TIMES + LONGER_MS {
            let message =
                format!("half of the requests take {now:.0} ms, against {before:.0} ms of the release that is served");
            return Some(("CANARY_SLOW", message));
        }
        None
    }
}

/// Steps of time: each begins an eighth of an octave, about a tenth, after the one before; the first at a microsecond, the
/// last after an hour.
const STEPS: usize = 256;
const STEPS_PER_OCTAVE: f64 = 8.0;

/// One generation's requests, by the step that they ended in.
struct Counts {
    failed: AtomicU64,
    steps: [AtomicU64; STEPS],
}

impl Default for Counts {
    fn default() -> Self {
        Self { failed: AtomicU64::new(0), steps: std::array::from_fn(|_| AtomicU64::new(0)) }
    }
}

/// What they come to.
struct Sum {
    requests: u64,
    failed: u64,
    median_ms: f64,
}

impl Counts {
    fn answered(&self, took: Duration, failed: bool) {
        let step = ((took.as_secs_f64() * 1e6).max(1.0).log2() * STEPS_PER_OCTAVE) as usize;
        if let Some(count) = self.steps.get(step.min(STEPS - 1)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.failed.fetch_add(u64::from(failed), Ordering::Relaxed);
    }

    fn read(&self) -> Sum {
        let steps: Vec<u64> = self.steps.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        let requests: u64 = steps.iter().sum();
        let mut before = 0;
        let median = steps.iter().position(|count| {
            before += count;
            before * 2 >= requests
        });
        let median_ms = (median.unwrap_or_default() as f64 / STEPS_PER_OCTAVE).exp2() / 1000.0;
        Sum { requests, failed: self.failed.load(Ordering::Relaxed), median_ms }
    }
}

impl Sum {
    /// The part that failed, in percent.
    fn failures(&self) -> f64 {
        if self.requests == 0 { 0.0 } else { 100.0 * self.failed as f64 / self.requests as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(old: &[(u64, u64, u64)], new: &[(u64, u64, u64)]) -> Option<&'static str> {
        let judge = Judge::default();
        for (side, all) in [(Side::Old, old), (Side::New, new)] {
            for &(requests, failed, ms) in all {
                (0..requests).for_each(|n| judge.answered(side, Duration::from_millis(ms), n < failed));
            }
        }
        judge.worse().map(|(code, _)| code)
    }

    #[test]
    fn gives_up_what_fails_or_drags() {
        assert_eq!(judge(&[], &[(5, 5, 1)]), Some("CANARY_FAILS"));
        assert_eq!(judge(&[(1000, 10, 5)], &[(50, 6, 5)]), Some("CANARY_FAILS"));
        assert_eq!(judge(&[(100, 0, 10)], &[(50, 0, 50)]), Some("CANARY_SLOW"));
    }

    #[test]
    fn bears_what_chance_makes_and_what_the_old_one_does_too() {
        assert_eq!(judge(&[(1000, 0, 5)], &[(4, 4, 5)]), None, "four are an accident");
        assert_eq!(judge(&[(100, 50, 5)], &[(100, 52, 5)]), None, "the old one fails as well");
        assert_eq!(judge(&[(10, 0, 1)], &[(60, 0, 500)]), None, "nothing to compare with");
        assert_eq!(judge(&[(100, 0, 2)], &[(100, 0, 20)]), None, "a few ms");
        assert_eq!(judge(&[(100, 0, 2)], &[(60, 0, 2), (20, 0, 30_000)]), None, "some are long by nature");
    }

    #[test]
    fn a_median_is_told_to_a_tenth() {
        for ms in [0, 1, 7, 45, 500, 30_000, 10_000_000] {
            let counts = Counts::default();
            (0..3).for_each(|_| counts.answered(Duration::from_millis(ms), false));
            let (told, most) = (counts.read().median_ms, (ms as f64).min(4_000_000.0));
            assert!(told <= most.max(0.001) && told >= most * 0.9, "{told} for {ms}");
        }
    }
}
