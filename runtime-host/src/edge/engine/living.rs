//! How many instances there are: whether there is room for more that only wait, and whether the engine's clock has anybody
//! to go for.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, Thread};

/// The instances of one engine.
pub(super) struct Living {
    most: usize,
    now: AtomicUsize,
    /// The clock stands still, and wants to be woken.
    asleep: AtomicBool,
    clock: OnceLock<Thread>,
}

impl Living {
    /// None yet, and room for so many.
    pub fn new(most: usize) -> Self {
        Self { most, now: AtomicUsize::new(0), asleep: AtomicBool::new(false), clock: OnceLock::new() }
    }

    /// Whether more than half of the room is taken.
    pub fn is_crowded(&self) -> bool {
        self.now.load(Ordering::Relaxed) > self.most / 2
    }

    /// Counts one more.
    pub fn one_more(self: &Arc<Self>) -> Alive {
        // Either the clock sees the instance before it sleeps, or this sees it asleep: hence one order of all four steps.
        if self.now.fetch_add(1, Ordering::SeqCst) == 0 && self.asleep.load(Ordering::SeqCst) {
            self.wake();
        }
        Alive(self.clone())
    }

    /// Which thread to wake for the first instance.
    pub fn is_watched_by(&self, clock: Thread) {
        let _ = self.clock.set(clock);
    }

    /// Wakes the clock, for it to look again.
    pub fn wake(&self) {
        if let Some(clock) = self.clock.get() {
            clock.unpark();
        }
    }

    /// Stands still while there is no instance, unless told to stop.
    pub fn wait(&self, stop: &AtomicBool) {
        if self.now.load(Ordering::Relaxed) > 0 {
            return;
        }
        self.asleep.store(true, Ordering::SeqCst);
        while self.now.load(Ordering::SeqCst) == 0 && !stop.load(Ordering::SeqCst) {
            thread::park();
        }
        self.asleep.store(false, Ordering::SeqCst);
    }
}

/// Counts one instance for as long as it lives.
pub(crate) struct Alive(Arc<Living>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::SeqCst);
    }
}
