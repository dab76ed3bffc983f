//! How long a client may keep its upload waiting: a while without a byte, and at no time slower than a floor. Counted is
//! only the time in which the service waited for the client, never the time in which the store was slow.

use std::time::Duration;

/// Bytes a second that an upload has to come with, on the whole.
pub const SLOWEST: u64 = 1024;
/// What a client may keep an upload waiting in all, however well it comes on.
pub const LONGEST: Duration = Duration::from_secs(10 * 60);

/// One upload's account.
#[derive(Debug)]
pub struct Patience {
    allowed: Duration,
    waited: Duration,
    idle: Duration,
    received: u64,
}

impl Patience {
    /// `allowed`: without a byte, and in advance before the speed counts.
    #[must_use]
    pub fn new(allowed: Duration) -> Self {
        Self { allowed, waited: Duration::ZERO, idle: Duration::ZERO, received: 0 }
    }

    /// Accounts for the time that has passed since the last call; whether patience has run out. `waiting`: the client is
    /// waited for. `received`: bytes so far.
    #[must_use]
    pub fn runs_out(&mut self, passed: Duration, waiting: bool, received: u64) -> bool {
        if received > self.received || !waiting {
            self.idle = Duration::ZERO;
        } else {
            self.idle += passed;
        }
        if waiting {
            self.waited += passed;
        }
        self.received = received;
        let earned = Duration::from_secs(received / SLOWEST);
        self.idle >= self.allowed || self.waited >= (self.allowed + earned).min(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Seconds until patience runs out, with so many bytes a second.
    fn lasts(allowed: u64, waiting: bool, bytes: u64) -> Option<u64> {
        let mut patience = Patience::new(SECOND * u32::try_from(allowed).unwrap());
        (1..2000).find(|second| patience.runs_out(SECOND, waiting, second * bytes))
    }

    #[test]
    fn silence_and_a_trickle_are_cut_off() {
        assert_eq!(lasts(20, true, 0), Some(20));
        assert_eq!(lasts(20, true, 1), Some(20));
        assert_eq!(lasts(20, true, SLOWEST / 2), Some(39));
    }

    #[test]
    fn whoever_keeps_up_is_waited_for_but_not_for_ever() {
        assert_eq!(lasts(20, true, SLOWEST * 2), Some(600));
    }

    #[test]
    fn a_slow_store_is_not_the_clients_fault() {
        assert_eq!(lasts(20, false, 0), None);
    }

    #[test]
    fn a_pause_after_many_bytes_is_a_pause() {
        let mut patience = Patience::new(SECOND * 5);
        assert!(!patience.runs_out(SECOND, true, 100_000_000));
        assert_eq!((1..9).find(|_| patience.runs_out(SECOND, true, 100_000_000)), Some(5));
    }
}
