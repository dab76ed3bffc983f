//! Waiting before another try: exponential with full jitter, or at least as long as the other side asked for.

use std::time::Duration;

use rand::Rng;

/// Grows with every failure, up to a ceiling.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    ceiling: Duration,
    failures: u32,
}

impl Backoff {
    /// The first delay is up to `first`, no delay is above `ceiling`.
    #[must_use]
    pub fn new(first: Duration, ceiling: Duration) -> Self {
        Self { first, ceiling, failures: 0 }
    }

    /// Failures since the last success.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Starts from the beginning.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// The delay after one more failure: at least `retry_after`, when the other side named one.
    pub fn next_delay(&mut self, retry_after: Option<Duration>) -> Duration {
        let top = self.first.saturating_mul(1 << self.failures.min(16)).min(self.ceiling);
        self.failures = self.failures.saturating_add(1);
        // Anywhere up to the top: what many do at once they do not do at once again.
        let delay = top.mul_f64(rand::rng().random_range(0.0..=1.0));
        delay.max(retry_after.unwrap_or_default())
    }
}

/// `base` give or take a fifth, so that many followers spread out.
#[must_use]
pub fn jittered(base: Duration) -> Duration {
    base.mul_f64(rand::rng().random_range(0.8..=1.2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_up_to_the_ceiling_and_honour_the_other_side() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        assert!(backoff.next_delay(None) <= Duration::from_millis(100));
        assert!(backoff.next_delay(None) <= Duration::from_millis(200));
        let delays: Vec<Duration> = (0..200).map(|_| backoff.next_delay(None)).collect();
        assert!(delays.iter().all(|delay| *delay <= Duration::from_secs(1)));
        // Spread over the whole of it: that none of two hundred falls into a half is as good as impossible.
        assert!(delays.iter().any(|delay| *delay > Duration::from_millis(500)));
        assert!(delays.iter().any(|delay| *delay < Duration::from_millis(500)));
        assert_eq!(backoff.next_delay(Some(Duration::from_secs(7))), Duration::from_secs(7));
        backoff.reset();
        assert!(backoff.next_delay(None) <= Duration::from_millis(100));
    }
}
