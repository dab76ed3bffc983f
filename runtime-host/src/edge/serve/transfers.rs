//! Bodies on their way from clients and to them. A request holds its place, and an instance, until its client has sent all
//! of it and taken all of the answer; while there are places, it may take its time. When somebody finds none, those make
//! room that are waited for: clients that send or take nothing for [`STALLED`], or less than [`SLOW`] a second for longer,
//! the slowest first.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use futures::task::AtomicWaker;
use parking_lot::Mutex;

/// A client that has not moved a byte for so long gives its place up when it is wanted.
const STALLED: Duration = Duration::from_secs(1);
/// Bytes a second that a client moves at least, in the end, to keep its place then.
const SLOW: u64 = 32 * 1024;
/// How long it has for that.
const PATIENCE: Duration = Duration::from_secs(5);

/// Those under way of all components.
#[derive(Default)]
pub(crate) struct Transfers(Mutex<Present>);

#[derive(Default)]
struct Present {
    next: u64,
    all: BTreeMap<u64, Weak<Transfer>>,
}

/// One body.
pub(crate) struct Transfer {
    started: Instant,
    /// Milliseconds after `started` when bytes last moved.
    moved: AtomicU64,
    bytes: AtomicU64,
    /// It is the client that is waited for, not the component.
    waits: AtomicBool,
    is_cut: AtomicBool,
    waker: AtomicWaker,
    on_cut: OnCut,
    number: u64,
    of: Arc<Transfers>,
    /// Whose places it holds, beside the host's.
    owner: usize,
}

/// Why a body is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Others want its place.
    Wanted,
    /// It has gone on for as long as it may.
    Overdue,
}

/// What frees the place.
pub(crate) type OnCut = Box<dyn Fn(Cut) + Send + Sync>;

impl Transfers {
    /// One more. `on_cut` is called when it is ended.
    pub fn begin(self: &Arc<Self>, owner: usize, on_cut: OnCut) -> Arc<Transfer> {
        self.begun(Instant::now(), owner, on_cut)
    }

    fn begun(self: &Arc<Self>, started: Instant, owner: usize, on_cut: OnCut) -> Arc<Transfer> {
        let mut present = self.0.lock();
        let number = present.next;
        present.next += 1;
        let transfer = Arc::new(Transfer {
            started,
            moved: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            waits: AtomicBool::new(false),
            is_cut: AtomicBool::new(false),
            waker: AtomicWaker::new(),
            on_cut,
            number,
            of: self.clone(),
            owner,
        });
        present.all.insert(number, Arc::downgrade(&transfer));
        transfer
    }

    /// Ends the slowest of those that are slow, of `owner` where only that one's places are wanted.
    pub fn make_room(&self, owner: Option<usize>) -> bool {
        let all: Vec<Arc<Transfer>> = self.0.lock().all.values().filter_map(Weak::upgrade).collect();
        let now = Instant::now();
        let wanted = all.iter().filter(|transfer| owner.is_none_or(|owner| transfer.owner == owner));
        let slow = wanted.filter(|transfer| transfer.is_slow(now));
        let Some(slowest) = slow.min_by_key(|transfer| transfer.rate(now)) else { return false };
        slowest.cut(Cut::Wanted);
        true
    }
}

impl Transfer {
    /// So many bytes have moved.
    pub fn moved(&self, bytes: usize) {
        let since = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.moved.store(since, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Whether it is the client's turn.
    pub fn waits_for_client(&self, waits: bool) {
        self.waits.store(waits, Ordering::Relaxed);
    }

    /// Whether it was ended; `cx` is woken when it is.
    pub fn is_cut(&self, cx: &std::task::Context<'_>) -> bool {
        self.waker.register(cx.waker());
        self.is_cut.load(Ordering::Acquire)
    }

    fn is_slow(&self, now: Instant) -> bool {
        if !self.waits.load(Ordering::Relaxed) || self.is_cut.load(Ordering::Relaxed) {
            return false;
        }
        let age = now.saturating_duration_since(self.started);
        let moved = Duration::from_millis(self.moved.load(Ordering::Relaxed));
        age.saturating_sub(moved) >= STALLED || (age >= PATIENCE && self.rate(now) < SLOW)
    }

    fn rate(&self, now: Instant) -> u64 {
        let ms = now.saturating_duration_since(self.started).as_millis().max(1);
        let rate = u128::from(self.bytes.load(Ordering::Relaxed)) * 1000 / ms;
        u64::try_from(rate).unwrap_or(u64::MAX)
    }

    /// Ends it.
    pub fn cut(&self, why: Cut) {
        self.is_cut.store(true, Ordering::Release);
        (self.on_cut)(why);
        self.waker.wake();
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        self.of.0.lock().all.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(all: &Arc<Transfers>, owner: usize, age: Duration, bytes: usize, ago: Duration) -> Arc<Transfer> {
        let transfer = all.begun(Instant::now() - age, owner, Box::new(|_| {}));
        transfer.waits_for_client(true);
        transfer.bytes.store(bytes as u64, Ordering::Relaxed);
        transfer.moved.store((age - ago).as_millis() as u64, Ordering::Relaxed);
        transfer
    }

    fn is_cut(transfer: &Transfer) -> bool {
        transfer.is_cut.load(Ordering::Relaxed)
    }

    #[test]
    fn the_slowest_client_makes_room_and_a_quick_one_never() {
        let all = Arc::new(Transfers::default());
        let second = Duration::from_secs;
        let quick = begin(&all, 1, second(60), 60 << 20, Duration::ZERO);
        let young = begin(&all, 1, Duration::from_millis(500), 0, Duration::from_millis(500));
        let stalled = begin(&all, 1, second(10), 5 << 20, second(2));
        let drips = begin(&all, 1, second(20), 4000, Duration::ZERO);
        let other = begin(&all, 2, second(20), 10, Duration::ZERO);
        let guest = begin(&all, 1, second(90), 0, second(90));
        guest.waits_for_client(false);
        assert!(all.make_room(Some(1)));
        assert_eq!(
            [&quick, &young, &stalled, &drips, &other].map(|one| is_cut(one)),
            [false, false, false, true, false]
        );
        assert!(all.make_room(None));
        assert!(is_cut(&other) && !is_cut(&stalled));
        assert!(all.make_room(None) && is_cut(&stalled));
        assert!(!all.make_room(None) && !is_cut(&guest), "a component that is slow is no client");
        drop((quick, young));
        assert_eq!(all.0.lock().all.len(), 4);
    }
}
