//! Redis' clock, as far from here as it can be told: times in records are by it, and machines' clocks differ.

use std::sync::Mutex;
use std::sync::PoisonError;

use crate::redis::sign_of_life::now_ms;

/// A reply that took longer says too little about the time, ms.
const LONGEST_ROUND_TRIP: i64 = 1000;

/// How far Redis' clock is ahead of ours, ms.
#[derive(Debug, Default)]
pub(super) struct Clock(Mutex<Option<i64>>);

impl Clock {
    /// Redis said that it was `now` at some time between `sent` and now, by our clock.
    pub fn set(&self, now: i64, sent: i64) {
        self.set_at(now, sent, now_ms());
    }

    fn set_at(&self, now: i64, sent: i64, received: i64) {
        let round_trip = received.saturating_sub(sent);
        let mut ahead = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A process that was stopped while the reply was under way learns nothing from it.
        if ahead.is_none() || (0..=LONGEST_ROUND_TRIP).contains(&round_trip) {
            *ahead = Some(now.saturating_sub(sent.saturating_add(round_trip / 2)));
        }
    }

    /// Now by Redis' clock, ms since 1970.
    pub fn now(&self) -> i64 {
        let ahead = self.0.lock().unwrap_or_else(PoisonError::into_inner).unwrap_or_default();
        now_ms().saturating_add(ahead)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_by_redis_and_not_by_replies_that_were_long_under_way() {
        let clock = Clock::default();
        let hour = 60 * 60 * 1000;
        let ours = now_ms();
        clock.set_at(ours + hour, ours - 10, ours + 10);
        assert!((clock.now() - now_ms() - hour).abs() < 1000);
        clock.set_at(ours, ours - hour, ours);
        assert!((clock.now() - now_ms() - hour).abs() < 1000);
    }
}
