//! Redis' clock, as near as it can be told from here: times in records are by it. It is carried on by a clock that nobody sets,
//! since the machine's own may be stepped at any moment, and by that much every deadline would seem to be over.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::redis::sign_of_life::now_ms;

/// A reply that took longer says too little about the time.
const LONGEST_ROUND_TRIP: Duration = Duration::from_secs(1);

/// When it was what by Redis' clock, ms since 1970.
#[derive(Debug, Default)]
pub(super) struct Clock(Mutex<Option<(i64, Instant)>>);

impl Clock {
    /// Redis said that it was `now` at some time between `sent` and now.
    pub fn set(&self, now: i64, sent: Instant) {
        self.set_at(now, sent, Instant::now());
    }

    fn set_at(&self, now: i64, sent: Instant, received: Instant) {
        let round_trip = received.saturating_duration_since(sent);
        let mut known = self.0.lock();
        // A process that was stopped while the reply was under way learns nothing from it.
        if known.is_none() || round_trip <= LONGEST_ROUND_TRIP {
            *known = Some((now, sent + round_trip / 2));
        }
    }

    /// Now by Redis' clock, ms since 1970; by our own as long as Redis has said nothing.
    pub fn now(&self) -> i64 {
        self.at(Instant::now()).unwrap_or_else(now_ms)
    }

    fn at(&self, instant: Instant) -> Option<i64> {
        let (then, at) = (*self.0.lock())?;
        let since = instant.saturating_duration_since(at).as_millis();
        Some(then.saturating_add(i64::try_from(since).unwrap_or(i64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn it_goes_on_from_what_redis_said_whatever_the_machines_own_clock_says() {
        let (clock, sent) = (Clock::default(), Instant::now());
        assert!((clock.now() - now_ms()).abs() < 60_000);
        clock.set_at(5000, sent, sent + SECOND);
        assert_eq!(clock.at(sent + SECOND / 2), Some(5000));
        assert_eq!(clock.at(sent + SECOND * 60), Some(64_500));
    }

    #[test]
    fn a_reply_that_was_long_under_way_says_nothing() {
        let (clock, sent) = (Clock::default(), Instant::now());
        clock.set_at(5000, sent, sent);
        clock.set_at(9_000_000, sent, sent + SECOND * 3600);
        assert_eq!(clock.at(sent + SECOND), Some(6000));
        clock.set_at(8000, sent + SECOND, sent + SECOND);
        assert_eq!(clock.at(sent + SECOND * 2), Some(9000));
    }
}
