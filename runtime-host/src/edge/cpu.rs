//! How long one instance's guest computes: counted for its component, and bounded for what it is asked. Whoever works on a
//! guest holds the clock to it (`Meter::measure`): what passes while it is polled is computing, by the guest or by the host
//! for it, and what passes between is not, however long that is. The engine's clock finds those that go beyond their budget.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use wasmtime::UpdateDeadline;

use super::usage::Usage;

/// A guest that the clock meets earlier than this in a stretch goes on until it meets it again: half a tick. A tick passes for
/// every instance, those that wait too, and each of them would give its thread back when it has just got it.
const SHORT: Duration = Duration::from_millis(1);

/// One instance's account.
pub(crate) struct Cpu {
    /// For one request.
    budget: Duration,
    meter: Meter,
}

/// Measures an instance's guest. Cheap to clone: whoever works on the instance cannot ask it meanwhile.
#[derive(Clone)]
pub(crate) struct Meter(Arc<Inner>);

struct Inner {
    usage: Arc<Usage>,
    account: Mutex<Account>,
}

struct Account {
    left: Duration,
    /// None while the guest does not compute.
    stretch: Option<Stretch>,
}

/// What a guest computes at a time.
struct Stretch {
    began: Instant,
    /// Until when it has been counted.
    counted: Instant,
    /// The clock has made it yield.
    gave_way: bool,
}

impl Stretch {
    fn begin(now: Instant) -> Self {
        Self { began: now, counted: now, gave_way: false }
    }
}

/// The guest computed for longer than its component may for one request.
#[derive(Debug, thiserror::Error)]
#[error("it computed for longer than it may")]
pub(crate) struct OutOfTime;

impl Cpu {
    pub fn new(budget: Duration, usage: Arc<Usage>) -> Self {
        let account = Mutex::new(Account { left: budget, stretch: None });
        Self { budget, meter: Meter(Arc::new(Inner { usage, account })) }
    }

    /// Measures what the instance does.
    pub fn meter(&self) -> Meter {
        self.meter.clone()
    }

    /// One request more is asked of the instance.
    pub fn begin(&mut self) {
        self.meter.0.account.lock().left = self.budget;
    }

    /// Counts what the guest has computed, and answers whether it is to give way after so long in this stretch.
    fn met(&self, now: Instant) -> Result<bool, OutOfTime> {
        let mut account = self.meter.0.account.lock();
        account.count(now, &self.meter.0.usage);
        if account.left.is_zero() {
            return Err(OutOfTime);
        }
        // What nobody has measured begins where it is met first.
        let stretch = account.stretch.get_or_insert_with(|| Stretch::begin(now));
        let gives_way = now.saturating_duration_since(stretch.began) >= SHORT;
        stretch.gave_way |= gives_way;
        Ok(gives_way)
    }

    /// The clock met the guest computing. It goes on after the scheduler has looked at the sockets: with a plain yield it
    /// would do so once in 61 turns, and where several guests compute all others would wait for as many ticks.
    pub fn tick(&mut self) -> wasmtime::Result<UpdateDeadline> {
        if self.met(Instant::now())? {
            Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
        } else {
            Ok(UpdateDeadline::Continue(1))
        }
    }
}

impl Meter {
    /// Counts what passes while `work` on the instance is polled.
    pub fn measure<F: Future + Unpin>(self, work: F) -> Measured<F> {
        Measured { meter: self, work }
    }

    /// Whether the clock has made the guest yield since it was polled.
    pub fn gave_way(&self) -> bool {
        self.0.account.lock().stretch.as_ref().is_some_and(|stretch| stretch.gave_way)
    }

    fn begins(&self, now: Instant) {
        self.0.account.lock().stretch = Some(Stretch::begin(now));
    }

    fn ends(&self, now: Instant) {
        let mut account = self.0.account.lock();
        account.count(now, &self.0.usage);
        account.stretch = None;
    }
}

impl Account {
    /// Counts what has passed since it was counted last.
    fn count(&mut self, now: Instant, usage: &Usage) {
        let Some(stretch) = &mut self.stretch else { return };
        let computed = now.saturating_duration_since(std::mem::replace(&mut stretch.counted, now));
        self.left = self.left.saturating_sub(computed);
        usage.computed(computed);
    }
}

/// See [`Meter::measure`].
pub(crate) struct Measured<F> {
    meter: Meter,
    work: F,
}

impl<F> Measured<F> {
    /// What is measured.
    pub fn work(&self) -> &F {
        &self.work
    }
}

impl<F: Future + Unpin> Future for Measured<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.meter.begins(Instant::now());
        let polled = Pin::new(&mut self.work).poll(cx);
        self.meter.ends(Instant::now());
        polled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The guest is worked on for so long, and met by the clock so often.
    fn turn(cpu: &Cpu, took: Duration, ticks: u32) -> Result<(), OutOfTime> {
        let began = Instant::now();
        cpu.meter.begins(began);
        let met = (1..=ticks).try_for_each(|tick| cpu.met(began + took * tick / ticks).map(drop));
        cpu.meter.ends(began + took);
        met
    }

    #[test]
    fn computing_ends_however_long_its_stretches_are() {
        const SECOND: Duration = Duration::from_secs(1);
        let usage = Arc::new(Usage::default());
        let mut cpu = Cpu::new(SECOND * 5, usage.clone());
        assert!(turn(&cpu, SECOND * 2, 1000).is_ok(), "in many stretches");
        assert!(turn(&cpu, SECOND * 2, 1).is_ok(), "in one");
        assert!(turn(&cpu, SECOND, 0).is_ok(), "in one that no tick met");
        assert!(turn(&cpu, Duration::ZERO, 1).is_err());
        cpu.begin();
        assert!(turn(&cpu, SECOND * 4, 4).is_ok(), "another request has a budget of its own");
        assert!(turn(&cpu, SECOND, 1).is_err());
        assert_eq!(usage.read().cpu_ms, 10_000);
    }

    #[test]
    fn a_guest_that_the_clock_meets_early_goes_on() {
        let mut cpu = Cpu::new(Duration::MAX, Arc::default());
        let mut met_after = |computed: Duration| {
            cpu.meter.begins(Instant::now().checked_sub(computed).unwrap());
            let update = cpu.tick().unwrap();
            cpu.meter.ends(Instant::now());
            update
        };
        assert!(matches!(met_after(SHORT), UpdateDeadline::YieldCustom(1, _)));
        // A thread that is held up here makes the stretch long, but not every time.
        assert!((0..1000).any(|_| matches!(met_after(Duration::ZERO), UpdateDeadline::Continue(1))));
    }

    #[tokio::test]
    async fn only_what_passes_while_it_is_polled_is_computing() {
        let cpu = Cpu::new(Duration::MAX, Arc::default());
        let is_measured = || cpu.meter().0.account.lock().stretch.is_some();
        let mut seen = Vec::new();
        let work = std::future::poll_fn(|cx| {
            seen.push(is_measured());
            cx.waker().wake_by_ref();
            if seen.len() == 2 { Poll::Ready(()) } else { Poll::Pending }
        });
        let mut measured = cpu.meter().measure(work);
        assert!(futures::poll!(&mut measured).is_pending());
        assert!(!is_measured(), "it waits");
        measured.await;
        assert_eq!((seen, is_measured()), (vec![true, true], false));
    }
}
