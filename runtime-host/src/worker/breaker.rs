//! The breaker as this worker sees it. One for all workers, it is kept in Redis: while FAL refuses the account (bad key, no
//! access, no balance) or does not answer, files wait and nothing is wrong with them; after a pause one of them is let
//! through, and its answer decides.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use image2model_domain::commands::{BreakerKind, CloseBreaker, TripBreaker};
use image2model_domain::time::millis;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::config::WorkerConfig;
use crate::redis::Store;

/// How far the first pause grows while FAL refuses the account: somebody has to see to it.
const LONGEST_ACCOUNT: u32 = 20;
/// How far it grows while FAL does not answer: that ends by itself, and people are waiting.
const LONGEST_OUTAGE: u32 = 4;

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

/// What was last heard of it.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    heard: Mutex<Option<(BreakerKind, Instant)>>,
    /// Files in a row that failed because FAL did not answer.
    unanswered: AtomicU32,
}

impl Breaker {
    /// Redis says how it stands: why it is open, and what is left of the pause.
    pub fn hear(&self, state: Option<(BreakerKind, u64)>) {
        let until = |left_ms| Instant::now() + Duration::from_millis(left_ms);
        let heard = state.map(|(kind, left_ms)| (kind, until(left_ms)));
        let before = std::mem::replace(&mut *self.heard.lock(), heard);
        if before.is_some() && heard.is_none() {
            tracing::info!("FAL.AI takes requests again");
        }
    }

    /// Why it is open.
    pub fn kind(&self) -> Option<BreakerKind> {
        self.heard.lock().map(|(kind, _)| kind)
    }

    /// What it lets through now.
    pub fn state(&self) -> BreakerState {
        match *self.heard.lock() {
            None => BreakerState::Closed,
            Some((_, until)) if Instant::now() < until => BreakerState::Open,
            Some(_) => BreakerState::HalfOpen,
        }
    }

    /// FAL accepted a submit; recording its id has closed the breaker.
    pub fn accepted(&self) {
        self.heard_from();
        self.hear(None);
    }

    /// FAL took something: it is not away.
    pub fn heard_from(&self) {
        self.unanswered.store(0, Ordering::Relaxed);
    }

    /// FAL answered about a request. Closes the breaker after its pause, unless it takes an accepted submit to do that.
    pub async fn answered(&self, store: &Store) {
        if self.state() == BreakerState::HalfOpen && matches!(store.run(&CloseBreaker { force: false }).await, Ok(true))
        {
            self.hear(None);
        }
    }

    /// FAL refused the account; answers for how long files are to wait.
    pub async fn refused(&self, store: &Store, config: &WorkerConfig, by_submit: bool) -> Duration {
        self.trip(store, config, BreakerKind::Account, by_submit).await
    }

    /// FAL did not answer for the whole patience of one file; answers for how long that is to wait. One file alone may
    /// have itself to blame, so it takes several in a row to hold back all.
    pub async fn unanswered(&self, store: &Store, config: &WorkerConfig, by_submit: bool) -> Duration {
        let in_a_row = self.unanswered.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        if in_a_row < config.outage_after {
            return config.breaker_pause;
        }
        self.trip(store, config, BreakerKind::Outage, by_submit).await
    }

    async fn trip(&self, store: &Store, config: &WorkerConfig, kind: BreakerKind, by_submit: bool) -> Duration {
        let longest = match kind {
            BreakerKind::Account => LONGEST_ACCOUNT,
            BreakerKind::Outage => LONGEST_OUTAGE,
        };
        let (pause_ms, longest_ms) = (millis(config.breaker_pause), millis(config.breaker_pause * longest));
        match store.run(&TripBreaker { kind, pause_ms, longest_ms, by_submit }).await {
            Ok(tripped) => {
                self.hear(Some((tripped.kind, tripped.left_ms)));
                if tripped.changed {
                    let (kind, pause_ms) = (kind.as_str(), tripped.left_ms);
                    tracing::error!(kind, pause_ms, "FAL.AI refuses the account, or does not answer: files wait");
                }
                Duration::from_millis(tripped.left_ms)
            }
            Err(error) => {
                tracing::warn!(code = error.code(), kind = error.metric_label(), %error, "the breaker could not be opened");
                config.breaker_pause
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stands_as_redis_said_and_opens_by_half_when_the_pause_is_over() {
        let breaker = Breaker::default();
        assert_eq!((breaker.state(), breaker.kind()), (BreakerState::Closed, None));
        breaker.hear(Some((BreakerKind::Outage, 60_000)));
        assert_eq!((breaker.state(), breaker.kind()), (BreakerState::Open, Some(BreakerKind::Outage)));
        breaker.hear(Some((BreakerKind::Outage, 0)));
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        breaker.accepted();
        assert_eq!(breaker.state(), BreakerState::Closed);
    }
}
