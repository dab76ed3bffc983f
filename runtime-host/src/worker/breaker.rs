//! Stops all claiming while FAL refuses the account (bad key, no access, no balance): nothing is wrong with the files, so
//! they wait. After a pause one file is let through as a probe; its answers decide.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How often the first pause doubles at most, as a factor.
const LONGEST_FACTOR: u32 = 20;

/// What the breaker lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// Everything.
    Closed,
    /// Nothing.
    Open,
    /// One file, to see.
    HalfOpen,
}

impl BreakerState {
    /// As the heartbeat says it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

/// The breaker.
#[derive(Debug)]
pub(super) struct Breaker {
    first_pause: Duration,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// The last refusal's pause ends here; none when closed.
    until: Option<Instant>,
    pause: Duration,
}

impl Breaker {
    pub fn new(first_pause: Duration) -> Self {
        Self { first_pause, inner: Mutex::default() }
    }

    /// How many of `wanted` files may be claimed while `running` are under way, and when to ask again if none may.
    pub fn permits(&self, now: Instant, wanted: u32, running: usize) -> (u32, Option<Duration>) {
        let until = self.lock().until;
        match until {
            None => (wanted, None),
            Some(until) if now < until => (0, Some(until - now)),
            // The probe is whichever file runs now; the next one is let through when it has ended without a verdict.
            Some(_) => (u32::from(running == 0).min(wanted), None),
        }
    }

    /// FAL accepted a submit.
    pub fn accepted(&self) {
        let mut inner = self.lock();
        if inner.until.take().is_some() {
            tracing::info!("FAL.AI accepts the account again");
        }
        inner.pause = Duration::ZERO;
    }

    /// FAL answered about a request: enough to end a half-open time, not to end a pause.
    pub fn answered(&self, now: Instant) {
        if self.state(now) == BreakerState::HalfOpen {
            self.accepted();
        }
    }

    /// FAL refused the account. Files refused during one pause do not lengthen it.
    pub fn refused(&self, now: Instant) {
        let mut inner = self.lock();
        if inner.until.is_some_and(|until| now < until) {
            return;
        }
        let longest = self.first_pause * LONGEST_FACTOR;
        inner.pause = (inner.pause * 2).clamp(self.first_pause, longest);
        inner.until = Some(now + inner.pause);
        tracing::error!(pause = ?inner.pause, "FAL.AI refuses the account: check the key and the balance; files wait");
    }

    /// What it lets through now.
    pub fn state(&self, now: Instant) -> BreakerState {
        match self.lock().until {
            None => BreakerState::Closed,
            Some(until) if now < until => BreakerState::Open,
            Some(_) => BreakerState::HalfOpen,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_pauses_probes_and_closes() {
        let breaker = Breaker::new(Duration::from_secs(30));
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(breaker.permits(at(0), 5, 3), (5, None));
        breaker.refused(at(0));
        breaker.refused(at(10));
        assert_eq!(breaker.permits(at(0), 5, 0), (0, Some(Duration::from_secs(30))));
        breaker.answered(at(20));
        assert_eq!((breaker.state(at(29)), breaker.state(at(30))), (BreakerState::Open, BreakerState::HalfOpen));
        assert_eq!(breaker.permits(at(30), 5, 0), (1, None));
        assert_eq!(breaker.permits(at(30), 5, 1), (0, None));
        breaker.refused(at(30));
        assert_eq!(breaker.permits(at(30), 5, 0), (0, Some(Duration::from_secs(60))));
        breaker.answered(at(90));
        assert_eq!((breaker.permits(at(90), 5, 3), breaker.state(at(90))), ((5, None), BreakerState::Closed));
    }
}
