//! Something that holds for a while and ends by itself; asking costs a load and, while it holds, a look at the clock.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Until when, in milliseconds of [`now_ms`]; never, while it is 0.
#[derive(Debug, Default)]
pub(crate) struct Until(AtomicU64);

impl Until {
    /// It holds for so long from now on.
    pub fn begin(&self, lasts: Duration) {
        let lasts = u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX);
        self.0.store(now_ms().saturating_add(lasts).max(1), Ordering::Relaxed);
    }

    /// Whether it still does.
    pub fn is_on(&self) -> bool {
        let until = self.0.load(Ordering::Relaxed);
        until != 0 && now_ms() < until
    }
}

/// Milliseconds since the first call: a clock that nobody sets.
fn now_ms() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_begins_and_ends() {
        let until = Until::default();
        assert!(!until.is_on());
        until.begin(Duration::from_secs(60));
        assert!(until.is_on());
        until.begin(Duration::ZERO);
        std::thread::sleep(Duration::from_millis(2));
        assert!(!until.is_on());
    }
}
