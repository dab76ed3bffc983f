//! When a listener is to be told something although nothing happens: heartbeat, age, the client's own timeout, drain.

use std::sync::OnceLock;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::limits::Limits;

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// A sign of life.
    Heartbeat,
    /// The end, for this reason.
    Close(Ending),
}

/// Why a stream ends before its job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It is old: the client connects again.
    Age,
    /// The client asked for no more.
    Timeout,
    /// The server goes away.
    Drain,
    /// The caller's key was taken back.
    Revoked,
}

/// Whether the server is going away, and over how long its listeners are to leave.
#[derive(Debug, Default)]
pub struct Drain {
    begun: CancellationToken,
    spread: OnceLock<Duration>,
}

impl Drain {
    /// Lets every listener leave at some moment of `spread`.
    pub fn begin(&self, spread: Duration) {
        let _ = self.spread.set(spread);
        self.begun.cancel();
    }

    /// Whether it has begun.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.begun.is_cancelled()
    }

    /// How long a client is best told to wait: until all have left.
    #[must_use]
    pub fn spread(&self) -> Duration {
        self.spread.get().copied().unwrap_or_default()
    }
}

/// How long a client wants to listen.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wish {
    /// In its own words, and then in the place of the maximum age.
    pub timeout: Option<Duration>,
    /// But not for longer than that: what opened the stream may end, and nobody tells the streams.
    pub comes_again: bool,
}

/// When one listener is due. What is left of its timers while a reactor carries it.
#[derive(Debug, Clone, Copy)]
pub struct Deadlines {
    heartbeat: Duration,
    heartbeat_at: Instant,
    close_at: Instant,
    ending: Ending,
}

impl Deadlines {
    /// Something was sent at `now`: silence begins anew.
    pub fn sent(&mut self, now: Instant) {
        self.heartbeat_at = now + self.heartbeat;
    }

    /// The server goes away within `spread`: leave at some moment of it. Said twice, it counts once.
    pub fn leave_within(&mut self, spread: Duration) {
        if self.ending != Ending::Drain {
            let leave = Instant::now() + spread.mul_f64(rand::random_range(0.0..1.0));
            self.close_at = self.close_at.min(leave);
            self.ending = Ending::Drain;
        }
    }

    /// What is due at `now`.
    #[must_use]
    pub fn due(&self, now: Instant) -> Option<Due> {
        if now >= self.close_at {
            return Some(Due::Close(self.ending));
        }
        (now >= self.heartbeat_at).then_some(Due::Heartbeat)
    }

    fn next(&self) -> Instant {
        self.heartbeat_at.min(self.close_at)
    }
}

/// The deadlines of one listener, to wait for.
#[derive(Debug)]
pub struct Timers {
    deadlines: Deadlines,
    drain: CancellationToken,
}

impl Timers {
    /// Starts them, with a sign of life as often as that.
    #[must_use]
    pub fn start(limits: &Limits, wish: Wish, heartbeat: Duration, drain: &Drain) -> Self {
        let (now, age) = (Instant::now(), limits.age());
        let (lasts, ending) = match wish.timeout {
            Some(timeout) if timeout <= age || !wish.comes_again => (timeout, Ending::Timeout),
            _ => (age, Ending::Age),
        };
        Self::resume(Deadlines { heartbeat, heartbeat_at: now + heartbeat, close_at: now + lasts, ending }, drain)
    }

    /// Goes on with deadlines that somebody else has watched meanwhile.
    #[must_use]
    pub fn resume(deadlines: Deadlines, drain: &Drain) -> Self {
        Self { deadlines, drain: drain.begun.clone() }
    }

    /// The deadlines, for somebody else to watch.
    #[must_use]
    pub fn deadlines(&self) -> Deadlines {
        self.deadlines
    }

    /// Something was sent: silence begins anew.
    pub fn sent(&mut self) {
        self.deadlines.sent(Instant::now());
    }

    /// Waits for the next deadline. Cancel safe.
    pub async fn due(&mut self, drain: &Drain) -> Due {
        loop {
            let draining = self.deadlines.ending == Ending::Drain;
            tokio::select! {
                biased;
                () = self.drain.cancelled(), if !draining => self.deadlines.leave_within(drain.spread()),
                () = sleep_until(self.deadlines.next()) => return self.which(),
            }
        }
    }

    fn which(&mut self) -> Due {
        match self.deadlines.due(Instant::now()) {
            Some(close @ Due::Close(_)) => close,
            _ => {
                self.sent();
                Due::Heartbeat
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quick() -> Limits {
        let (heartbeat, max_age) = (Duration::from_millis(1), Duration::from_millis(10));
        Limits { heartbeat, max_age, ..Limits::default() }
    }

    fn start(limits: &Limits, timeout: Option<Duration>, comes_again: bool, drain: &Drain) -> Timers {
        Timers::start(limits, Wish { timeout, comes_again }, limits.heartbeat, drain)
    }

    #[tokio::test]
    async fn heartbeats_come_until_the_client_has_had_enough() {
        let drain = Drain::default();
        let mut timers = start(&quick(), Some(Duration::from_millis(200)), false, &drain);
        assert_eq!(timers.due(&drain).await, Due::Heartbeat);
        let mut due = Due::Heartbeat;
        while due == Due::Heartbeat {
            due = timers.due(&drain).await;
        }
        assert_eq!(due, Due::Close(Ending::Timeout));
    }

    #[tokio::test]
    async fn a_drain_comes_before_everything_else() {
        let drain = Drain::default();
        let mut timers = start(&Limits::default(), None, false, &drain);
        drain.begin(Duration::from_millis(20));
        assert_eq!(timers.due(&drain).await, Due::Close(Ending::Drain));
    }

    #[tokio::test]
    async fn no_stream_lasts_for_ever_and_none_longer_than_it_was_allowed() {
        let drain = Drain::default();
        for timeout in [None, Some(Duration::from_secs(60))] {
            let mut timers = start(&quick(), timeout, true, &drain);
            let mut due = Due::Heartbeat;
            while due == Due::Heartbeat {
                due = timers.due(&drain).await;
            }
            assert_eq!(due, Due::Close(Ending::Age));
        }
    }

    #[test]
    fn ages_differ_by_a_fifth_at_most() {
        let limits = Limits::default();
        for _ in 0..1000 {
            let age = limits.age().as_secs_f64() / limits.max_age.as_secs_f64();
            assert!((0.799..=1.201).contains(&age), "{age}");
        }
    }
}
