//! A guest that yields, or a future of the engine that wakes itself, goes on at once: not after another turn of the scheduler, for
//! which the whole way from the connection down to the guest would be gone once more, by then out of the processor's cache.
//!
//! So it is a few times in a row. Then others come first, for a guest may yield without end; and at once when it was the clock that
//! made it yield.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures::task::AtomicWaker;

use crate::edge::cpu::Meter;

/// How often it is polled in one turn of the scheduler. A guest of the SDK yields whenever it waits, and the engine's set of
/// futures wakes itself when it has polled them all.
const IN_A_ROW: usize = 4;

/// Nobody polls it, and it has not been woken since.
const AT_REST: u8 = 0;
const POLLED: u8 = 1;
const WOKEN: u8 = 2;

/// A future that is polled again when it was woken meanwhile.
pub(super) struct Again<F> {
    signal: Arc<Signal>,
    waker: Waker,
    meter: Meter,
    work: F,
}

struct Signal {
    state: AtomicU8,
    task: AtomicWaker,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Whoever polls it looks.
        if self.state.swap(WOKEN, Ordering::AcqRel) == AT_REST {
            self.task.wake();
        }
    }
}

impl<F> Again<F> {
    /// `work` on the instance that this measures.
    pub fn new(work: F, meter: Meter) -> Self {
        let signal = Arc::new(Signal { state: AtomicU8::new(AT_REST), task: AtomicWaker::new() });
        Self { waker: signal.clone().into(), signal, meter, work }
    }

    /// It is polled again in any case: until then nobody has to be woken.
    pub fn comes_back(&self) {
        self.signal.state.swap(WOKEN, Ordering::AcqRel);
    }
}

impl<F: Future + Unpin> Future for Again<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Self { signal, waker, meter, work } = &mut *self;
        signal.task.register(cx.waker());
        for _ in 0..IN_A_ROW {
            signal.state.swap(POLLED, Ordering::AcqRel);
            let polled = Pin::new(&mut *work).poll(&mut Context::from_waker(waker));
            let woken = signal.state.compare_exchange(POLLED, AT_REST, Ordering::AcqRel, Ordering::Acquire).is_err();
            if polled.is_ready() || !woken {
                return polled;
            }
            if meter.gave_way() {
                break;
            }
        }
        signal.state.swap(AT_REST, Ordering::AcqRel);
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::time::Duration;

    use crate::edge::cpu::Cpu;
    use crate::woken::Woken;

    fn meter() -> Meter {
        Cpu::new(Duration::MAX, Arc::default()).meter()
    }

    /// Polls once what wakes itself so often, and tells how often it was polled, how often its task was woken, and the waker.
    fn polled_once(wakes: usize) -> (usize, usize, Waker) {
        let (mut polls, mut kept) = (0, None);
        let mut work = Again::new(
            Box::pin(poll_fn(|cx| {
                if polls < wakes {
                    cx.waker().wake_by_ref();
                }
                polls += 1;
                kept = Some(cx.waker().clone());
                Poll::<()>::Pending
            })),
            meter(),
        );
        let task = Arc::new(Woken::default());
        assert!(Pin::new(&mut work).poll(&mut Context::from_waker(&task.clone().into())).is_pending());
        drop(work);
        let woken = task.times();
        let waker = kept.unwrap();
        waker.wake_by_ref();
        waker.wake_by_ref();
        assert_eq!(task.times(), woken + 1, "at rest it is woken, and once is enough");
        (polls, woken, waker)
    }

    #[test]
    fn what_wakes_itself_goes_on_at_once_and_wakes_nobody() {
        for wakes in 0..IN_A_ROW {
            let (polls, woken, _) = polled_once(wakes);
            assert_eq!((polls, woken), (wakes + 1, 0));
        }
    }

    #[test]
    fn what_wakes_itself_without_end_lets_others_come_first() {
        let (polls, woken, _) = polled_once(usize::MAX);
        assert_eq!((polls, woken), (IN_A_ROW, 1));
    }

    #[tokio::test]
    async fn a_guest_that_the_clock_made_yield_goes_on_after_others() {
        let mut cpu = Cpu::new(Duration::MAX, Arc::default());
        let (meter, mut polls) = (cpu.meter(), 0);
        let work = Again::new(
            poll_fn(|cx| {
                std::thread::sleep(Duration::from_millis(5));
                let _yields = cpu.tick().unwrap();
                cx.waker().wake_by_ref();
                polls += 1;
                Poll::<()>::Pending
            }),
            meter.clone(),
        );
        assert!(futures::poll!(meter.measure(work)).is_pending());
        assert_eq!(polls, 1);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_waking_from_another_thread_is_lost() {
        for _ in 0..2000 {
            let (tell, told) = futures::channel::oneshot::channel();
            let waits = tokio::spawn(Again::new(told, meter()));
            std::thread::scope(|scope| {
                scope.spawn(|| tell.send(()).unwrap());
            });
            tokio::time::timeout(Duration::from_secs(30), waits).await.unwrap().unwrap().unwrap();
        }
    }
}
