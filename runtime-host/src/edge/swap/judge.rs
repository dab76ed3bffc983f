//! Is the new generation worse than the old one? Both are counted while they answer side by side, on every host for itself.
//!
//! The new one is given up when it fails clearly more often, or takes clearly longer: differences that chance makes with the
//! few requests of a small weight do not count. That is asked of all requests of the trial, and of the latest alone: what was
//! well for a day must not hide what is not since a minute. How long requests take is told by their median: some of them are
//! long by nature, such as those that wait for news, and a mean would be made by these alone.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Failures that are no accident.
const FAILURES: u64 = 5;
/// How much larger the part of failures may be, in percent of all requests.
const MORE_FAILURES: f64 = 5.0;
/// Requests that a median is worth something from.
const REQUESTS: u64 = 50;
/// A median may be so many times the old one's, and this much longer on top.
const TIMES: f64 = 2.0;
const LONGER_MS: f64 = 20.0;

/// The latest requests are those of two such windows at most, and of one at least.
const WINDOW: Duration = Duration::from_secs(60);

/// Both generations' counts.
#[derive(Default)]
pub(in crate::edge) struct Judge(Mutex<Counted>);

#[derive(Default)]
struct Counted {
    all: Both,
    /// This window and the one before.
    latest: [Both; 2],
    /// When this window began.
    since: Option<Instant>,
}

#[derive(Default)]
struct Both {
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
        self.count(Instant::now(), side, |counts| counts.answered(took, failed));
    }

    /// An answer that had begun well did not become whole.
    pub fn broke(&self, side: Side) {
        self.count(Instant::now(), side, |counts| counts.failed += 1);
    }

    fn count(&self, now: Instant, side: Side, count: impl Fn(&mut Counts)) {
        let mut counted = self.0.lock();
        counted.turn(now);
        let Counted { all, latest: [latest, _], .. } = &mut *counted;
        for both in [all, latest] {
            count(match side {
                Side::Old => &mut both.old,
                Side::New => &mut both.new,
            });
        }
    }

    /// Why the new one is to be given up, in words for the operator.
    pub fn worse(&self) -> Option<(&'static str, String)> {
        let counted = self.0.lock();
        let latest = |of: fn(&Both) -> &Counts| Sum::of(counted.latest.iter().map(of));
        let all = Sum::of([&counted.all.old]).against(&Sum::of([&counted.all.new]));
        all.or_else(|| latest(|both| &both.old).against(&latest(|both| &both.new)))
    }
}

impl Counted {
    /// Begins another window when this one is over.
    fn turn(&mut self, now: Instant) {
        let since = *self.since.get_or_insert(now);
        let elapsed = now.saturating_duration_since(since);
        if elapsed < WINDOW {
            return;
        }
        let ended = if elapsed < WINDOW * 2 { std::mem::take(&mut self.latest[0]) } else { Both::default() };
        self.latest = [Both::default(), ended];
        self.since = Some(now);
    }
}

/// Steps of time: each begins an eighth of an octave, about a tenth, after the one before; the first at a microsecond, the
/// last after an hour.
const STEPS: usize = 256;
const STEPS_PER_OCTAVE: f64 = 8.0;

/// One generation's requests, by the step that they ended in.
struct Counts {
    failed: u64,
    steps: [u64; STEPS],
}

impl Default for Counts {
    fn default() -> Self {
        Self { failed: 0, steps: [0; STEPS] }
    }
}

impl Counts {
    fn answered(&mut self, took: Duration, failed: bool) {
        let step = ((took.as_secs_f64() * 1e6).max(1.0).log2() * STEPS_PER_OCTAVE) as usize;
        if let Some(count) = self.steps.get_mut(step.min(STEPS - 1)) {
            *count += 1;
        }
        self.failed += u64::from(failed);
    }
}

/// What counts come to.
struct Sum {
    requests: u64,
    failed: u64,
    median_ms: f64,
}

impl Sum {
    fn of<'a>(counts: impl IntoIterator<Item = &'a Counts>) -> Self {
        let (mut failed, mut steps) = (0, [0; STEPS]);
        for count in counts {
            failed += count.failed;
            steps.iter_mut().zip(&count.steps).for_each(|(sum, step)| *sum += step);
        }
        let requests: u64 = steps.iter().sum();
        let mut before = 0;
        let median = steps.iter().position(|count| {
            before += count;
            before * 2 >= requests
        });
        let median_ms = (median.unwrap_or_default() as f64 / STEPS_PER_OCTAVE).exp2() / 1000.0;
        Self { requests, failed, median_ms }
    }

    /// The part that failed, in percent.
    fn failures(&self) -> f64 {
        if self.requests == 0 { 0.0 } else { 100.0 * self.failed as f64 / self.requests as f64 }
    }

    /// Why the new one is worse than this, if it is.
    fn against(&self, new: &Self) -> Option<(&'static str, String)> {
        let (before, now) = (self.failures(), new.failures());
        if new.failed >= FAILURES && now > before + MORE_FAILURES {
            let message = format!(
                "{} of {} requests failed ({now:.0} %), against {} of {} ({before:.0} %) of the release that is served",
                new.failed, new.requests, self.failed, self.requests
            );
            return Some(("CANARY_FAILS", message));
        }
        let (before, now) = (self.median_ms, new.median_ms);
        if self.requests >= REQUESTS && new.requests >= REQUESTS && now > before * TIMES + LONGER_MS {
            let message =
                format!("half of the requests take {now:.0} ms, against {before:.0} ms of the release that is served");
            return Some(("CANARY_SLOW", message));
        }
        None
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
    fn what_was_well_for_long_does_not_hide_what_is_not_since_a_minute() {
        let (judge, began) = (Judge::default(), Instant::now());
        let answered = |after: u64, side, failed| {
            let now = began + Duration::from_secs(after);
            judge.count(now, side, |counts| counts.answered(Duration::from_millis(5), failed));
        };
        for second in 0..600 {
            (0..20).for_each(|_| answered(second, Side::Old, false));
            (0..20).for_each(|_| answered(second, Side::New, second % 100 == 7));
        }
        assert!(judge.worse().is_none(), "one of a hundred fails");
        (0..60).for_each(|_| answered(640, Side::New, true));
        assert_eq!(judge.worse().map(|(code, _)| code), None, "of twenty a second, sixty are five of a hundred still");
        (0..300).for_each(|n| answered(700 + n / 10, Side::New, n % 2 == 0));
        assert_eq!(judge.worse().map(|(code, _)| code), Some("CANARY_FAILS"));
    }

    #[test]
    fn answers_that_break_off_are_failures() {
        let judge = Judge::default();
        (0..20).for_each(|_| judge.answered(Side::New, Duration::from_millis(5), false));
        (0..4).for_each(|_| judge.broke(Side::New));
        assert!(judge.worse().is_none());
        judge.broke(Side::New);
        assert_eq!(judge.worse().map(|(code, _)| code), Some("CANARY_FAILS"));
    }

    #[test]
    fn a_median_is_told_to_a_tenth() {
        for ms in [0, 1, 7, 45, 500, 30_000, 10_000_000] {
            let mut counts = Counts::default();
            (0..3).for_each(|_| counts.answered(Duration::from_millis(ms), false));
            let (told, most) = (Sum::of([&counts]).median_ms, (ms as f64).min(4_000_000.0));
            assert!(told <= most.max(0.001) && told >= most * 0.9, "{told} for {ms}");
        }
    }
}
