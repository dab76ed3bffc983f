//! Busy polling: a worker thread that looks for more instead of sleeping, for as long as a fraction of a millisecond, where
//! more has come that quickly several times in a row.
//!
//! A client that asks again once it has its answer, and a Redis that was asked, are back sooner than a virtual machine wakes a
//! core: to sleep in between costs more than many an answer does. Whatever else there is to do goes first, other programs on the
//! same core included. At most one wait in [`STREAK`] is in vain, and none of a host at rest.
//!
//! Only where there is one worker thread: of several, the one that may look for more is not the one that answers.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

/// So often in a row more has to have come quickly.
const STREAK: u32 = 8;
/// What is quick, unless somebody says otherwise: a few times what a virtual machine takes to wake a core on either side.
const USUAL: Duration = Duration::from_micros(500);
/// Where Linux tells a container how much of a core it may use: `max`, or microseconds of each period.
const QUOTA: &str = "/sys/fs/cgroup/cpu.max";

thread_local! {
    static HERE: Here = const { Here::asleep() };
}

/// What a thread knows of itself.
struct Here {
    /// Zero where there is no looking.
    within: Cell<Duration>,
    sent_at: Cell<Option<Instant>>,
    streak: Cell<u32>,
    is_looking: Cell<bool>,
    waker: Cell<Option<Waker>>,
}

/// Begins to, in the runtime that this is called in. `within` is how long more is waited for, zero for not at all; without it,
/// that is decided by whether this process has a core for itself.
pub fn start(within: Option<Duration>) {
    let within = within.unwrap_or_else(|| if has_own_core() { USUAL } else { Duration::ZERO });
    if within.is_zero() || Handle::current().metrics().num_workers() != 1 {
        return;
    }
    tracing::debug!(within_us = within.as_micros(), "busy polling");
    tokio::spawn(async move {
        HERE.with(|here| here.within.set(within));
        poll_fn(|cx| HERE.with(|here| here.look(cx))).await
    });
}

/// Something is being sent that is often answered at once.
pub(crate) fn sent() {
    HERE.with(|here| {
        if !here.within.get().is_zero() {
            here.sent(Instant::now());
        }
    });
}

impl Here {
    const fn asleep() -> Self {
        Self {
            within: Cell::new(Duration::ZERO),
            sent_at: Cell::new(None),
            streak: Cell::new(0),
            is_looking: Cell::new(false),
            waker: Cell::new(None),
        }
    }

    fn sent(&self, now: Instant) {
        let before = self.sent_at.replace(Some(now));
        let is_quick = before.is_some_and(|before| now.saturating_duration_since(before) <= self.within.get());
        self.streak.set(if is_quick { self.streak.get().saturating_add(1) } else { 0 });
        if self.streak.get() >= STREAK
            && !self.is_looking.replace(true)
            && let Some(waker) = self.waker.take()
        {
            waker.wake();
        }
    }

    /// One more turn of the scheduler, which looks at every connection without waiting, or sleep.
    fn look(&self, cx: &mut Context<'_>) -> Poll<()> {
        let is_worth_it = self.sent_at.get().is_some_and(|sent| sent.elapsed() <= self.within.get());
        if self.is_looking.get() && is_worth_it {
            std::thread::yield_now();
            // Comes last in a turn: only a worker that would sleep otherwise gets here again.
            let _later = pin!(tokio::task::yield_now()).poll(cx);
        } else {
            self.is_looking.set(false);
            self.waker.set(Some(cx.waker().clone()));
        }
        Poll::Pending
    }
}

/// Whether this process is held on one core, and may use all of it: of a share, waiting would take from what is to be done.
fn has_own_core() -> bool {
    let cores = rustix::thread::sched_getaffinity(None).map_or(0, |cores| cores.count());
    cores == 1 && std::fs::read_to_string(QUOTA).map_or(true, |quota| quota.starts_with("max"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use crate::woken::Woken;

    #[test]
    fn only_after_a_streak_that_nothing_slow_has_broken_is_more_looked_for() {
        let (here, woken) = (Here::asleep(), Arc::new(Woken::default()));
        here.within.set(Duration::from_secs(3600));
        let waker = Waker::from(woken.clone());
        let mut cx = Context::from_waker(&waker);
        assert!(here.look(&mut cx).is_pending() && !here.is_looking.get());
        let start = Instant::now();
        // The first is quick after nothing.
        let send = |times: u32| (0..times).for_each(|_| here.sent(start));
        send(STREAK);
        assert_eq!(woken.times(), 0);
        here.sent(start + Duration::from_secs(4000));
        here.sent(start + Duration::from_secs(8000));
        assert_eq!(here.streak.get(), 0, "something slow breaks it");
        send(STREAK);
        assert_eq!((woken.times(), here.is_looking.get()), (1, true));
        send(STREAK);
        assert_eq!(woken.times(), 1, "it is awake");
    }

    #[tokio::test]
    async fn it_sleeps_again_when_nothing_more_comes() {
        let (here, mut looks) = (Here::asleep(), 0);
        here.within.set(Duration::from_secs(1));
        let now = Instant::now();
        (0..=STREAK).for_each(|_| here.sent(now));
        let until_asleep = poll_fn(|cx| {
            looks += 1;
            let _goes_on = here.look(cx);
            if here.is_looking.get() { Poll::Pending } else { Poll::Ready(()) }
        });
        tokio::time::timeout(Duration::from_secs(30), until_asleep).await.unwrap();
        assert!(looks > 1 && here.waker.take().is_some(), "{looks}");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn the_worker_is_awake_while_more_comes_quickly() {
        start(Some(Duration::from_secs(30)));
        let looking = tokio::spawn(async {
            for _ in 0..=STREAK + 1 {
                tokio::task::yield_now().await;
                sent();
            }
            HERE.with(|here| here.is_looking.get())
        });
        assert!(looking.await.unwrap());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn of_several_workers_none_looks() {
        start(Some(Duration::from_millis(50)));
        let within = tokio::spawn(async { HERE.with(|here| here.within.get()) });
        assert!(within.await.unwrap().is_zero());
    }
}
