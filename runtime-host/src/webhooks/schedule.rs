//! When a call that failed is made again: after a delay that doubles, up to an hour.

use std::time::Duration;

/// No delay is longer.
const LONGEST: Duration = Duration::from_secs(3600);

/// The delays between attempts, and their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// After the first attempt.
    pub first: Duration,
    /// Attempts in all.
    pub attempts: u32,
}

impl Schedule {
    /// How long to wait after `made` attempts; `None` when there are to be no more. A receiver that names a time gets it,
    /// within the longest delay.
    #[must_use]
    pub fn next(&self, made: u32, asked_for: Option<Duration>) -> Option<Duration> {
        if made >= self.attempts {
            return None;
        }
        let doubled = self.first.saturating_mul(1 << made.saturating_sub(1).min(20));
        Some(doubled.max(asked_for.unwrap_or_default()).min(LONGEST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_and_end() {
        let schedule = Schedule { first: Duration::from_secs(5), attempts: 15 };
        let all: Vec<u64> = (1..=15).map_while(|made| schedule.next(made, None)).map(|d| d.as_secs()).collect();
        assert_eq!(all, [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600, 3600, 3600]);
        assert_eq!(schedule.next(1, Some(Duration::from_secs(60))), Some(Duration::from_secs(60)));
        assert_eq!(schedule.next(1, Some(Duration::from_secs(99_999))), Some(LONGEST));
    }
}
