//! How much one component may log: so many lines at once, and so many a second after that. What is more is counted and left
//! out, so that a guest which prints without end costs the host next to nothing.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Lines at once.
const BURST: f64 = 1000.0;
/// Lines a second, lasting.
const A_SECOND: f64 = 200.0;
/// Between two lines that say how many were left out.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// One component's account, shared by its instances.
pub(crate) struct LogBudget(Mutex<Account>);

struct Account {
    lines: f64,
    last: Instant,
    left_out: u64,
    told: Option<Instant>,
}

/// What is to become of a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// It is logged.
    Log,
    /// It is logged, after so many that were not.
    LogAfter(u64),
    /// It is left out.
    LeaveOut,
}

impl Default for LogBudget {
    fn default() -> Self {
        Self(Mutex::new(Account { lines: BURST, last: Instant::now(), left_out: 0, told: None }))
    }
}

impl LogBudget {
    /// One line more.
    pub(super) fn line(&self) -> Line {
        self.at(Instant::now())
    }

    fn at(&self, now: Instant) -> Line {
        let mut account = self.0.lock();
        let since = now.saturating_duration_since(std::mem::replace(&mut account.last, now));
        account.lines = (account.lines + since.as_secs_f64() * A_SECOND).min(BURST);
        if account.lines < 1.0 {
            account.left_out += 1;
            return Line::LeaveOut;
        }
        account.lines -= 1.0;
        if account.left_out == 0 || account.told.is_some_and(|told| now.saturating_duration_since(told) < TOLD_EVERY) {
            return Line::Log;
        }
        account.told = Some(now);
        Line::LogAfter(std::mem::take(&mut account.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_counted_and_left_out() {
        let (budget, start) = (LogBudget::default(), Instant::now());
        let logged = (0..100_000).filter(|_| budget.at(start) == Line::Log).count();
        assert!((1000..1010).contains(&logged), "{logged}");
        let later = start + Duration::from_secs(2);
        assert!(matches!(budget.at(later), Line::LogAfter(n) if n > 98_000));
        assert_eq!(budget.at(later), Line::Log);
    }
}
