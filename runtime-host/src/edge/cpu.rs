//! How long one instance's guest computes: counted for its component, and bounded for what it is asked. Sampled
//! at the engine's clock, so that a call costs nothing: whoever computes at a tick has computed since the tick before, or since
//! the others on its thread had their turn.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use wasmtime::UpdateDeadline;

use super::engine::TICK;
use super::usage::Usage;

/// A tick that comes so long after a guest was last seen to begin found one that had been waiting meanwhile, not computing.
const WAITED: Duration = Duration::from_millis(80);

/// One instance's account.
pub(crate) struct Cpu {
    usage: Arc<Usage>,
    /// For one request.
    budget: Duration,
    left: Duration,
    /// Since when it may have been computing.
    since: Arc<Mutex<Instant>>,
}

/// Notes when a guest begins to compute, and tells when it did so before.
fn begins(since: &Mutex<Instant>, now: Instant) -> Instant {
    std::mem::replace(&mut *since.lock().unwrap_or_else(PoisonError::into_inner), now)
}

/// The guest computed for longer than its component may for one request.
#[derive(Debug, thiserror::Error)]
#[error("it computed for longer than it may")]
pub(crate) struct OutOfTime;

impl Cpu {
    pub fn new(budget: Duration, usage: Arc<Usage>) -> Self {
        Self { usage, budget, left: budget, since: Arc::new(Mutex::new(Instant::now())) }
    }

    /// One request more is asked of the instance.
    pub fn begin(&mut self) {
        self.left = self.budget;
        begins(&self.since, Instant::now());
    }

    /// The clock met the guest computing. It goes on after the scheduler has looked at the sockets: with a plain yield it
    /// would do so once in 61 turns, and where several guests compute all others would wait for as many ticks.
    pub fn tick(&mut self) -> wasmtime::Result<UpdateDeadline> {
        self.met(Instant::now())?;
        let since = self.since.clone();
        let others = async move {
            tokio::task::yield_now().await;
            // The turns of others are not its own computing, however many of them there are.
            begins(&since, Instant::now());
        };
        Ok(UpdateDeadline::YieldCustom(1, Box::pin(others)))
    }

    fn met(&mut self, now: Instant) -> Result<(), OutOfTime> {
        let length = now.saturating_duration_since(begins(&self.since, now));
        if length > WAITED {
            return Ok(());
        }
        let computed = length.min(TICK);
        self.usage.computed(computed);
        self.left = self.left.checked_sub(computed).ok_or(OutOfTime)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(cpu: &mut Cpu, count: u32, pause: Duration) -> Result<(), OutOfTime> {
        (0..count).try_for_each(|_| {
            let now = *cpu.since.lock().unwrap() + pause;
            cpu.met(now)
        })
    }

    #[test]
    fn computing_ends_and_waiting_does_not() {
        let usage = Arc::new(Usage::default());
        let mut cpu = Cpu::new(TICK * 5, usage.clone());
        assert!(ticks(&mut cpu, 100, Duration::from_secs(1)).is_ok(), "it only waited");
        assert_eq!(usage.read().cpu_ms, 0);
        assert!(ticks(&mut cpu, 5, TICK).is_ok());
        assert!(ticks(&mut cpu, 1, TICK).is_err());
        cpu.begin();
        assert!(ticks(&mut cpu, 5, TICK).is_ok(), "another request has a budget of its own");
        assert!(ticks(&mut cpu, 1, TICK).is_err());
        assert_eq!(u128::from(usage.read().cpu_ms), 12 * TICK.as_millis());
    }
}
