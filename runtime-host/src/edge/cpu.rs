//! How long one instance's guest computes: counted for its component, and bounded for what it is asked. Sampled
//! at the engine's clock, so that a call costs nothing: whoever computes at a tick has computed since the tick before.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::UpdateDeadline;

use super::engine::TICK;
use super::usage::Usage;

/// A tick that comes so long after the one before found a guest that had been waiting meanwhile, not computing.
const WAITED: Duration = TICK.saturating_mul(8);

/// One instance's account.
pub(crate) struct Cpu {
    usage: Arc<Usage>,
    /// For one request.
    budget: Duration,
    left: Duration,
    last: Instant,
}

/// The guest computed for longer than its component may for one request.
#[derive(Debug, thiserror::Error)]
#[error("it computed for longer than it may")]
pub(crate) struct OutOfTime;

impl Cpu {
    pub fn new(budget: Duration, usage: Arc<Usage>) -> Self {
        Self { usage, budget, left: budget, last: Instant::now() }
    }

    /// One request more is asked of the instance.
    pub fn begin(&mut self) {
        self.left = self.budget;
        self.last = Instant::now();
    }

    /// The clock met the guest computing.
    pub fn tick(&mut self) -> wasmtime::Result<UpdateDeadline> {
        self.met(Instant::now())?;
        Ok(UpdateDeadline::Yield(1))
    }

    fn met(&mut self, now: Instant) -> Result<(), OutOfTime> {
        let since = now.saturating_duration_since(std::mem::replace(&mut self.last, now));
        if since > WAITED {
            return Ok(());
        }
        let computed = since.min(TICK);
        self.usage.computed(computed);
        self.left = self.left.checked_sub(computed).ok_or(OutOfTime)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(cpu: &mut Cpu, count: u32, pause: Duration) -> Result<(), OutOfTime> {
        (0..count).try_for_each(|_| cpu.met(cpu.last + pause))
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
        assert_eq!(usage.read().cpu_ms, 120);
    }
}
