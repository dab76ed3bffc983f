//! The queue of one key: requests start in order of priority and arrival, at most `limit` at a time; the rest wait.

use parking_lot::Mutex;
use std::{collections::BTreeSet, sync::Arc};
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

/// `X-Fal-Queue-Priority`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// The usual one.
    #[default]
    Normal,
    /// After every normal one.
    Low,
}

/// One key's queue.
#[derive(Debug)]
pub struct Lane {
    limit: usize,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    running: usize,
    arrivals: u64,
    waiting: BTreeSet<(Priority, u64)>,
}

/// A place in the queue; given up when dropped.
#[derive(Debug)]
pub struct Place {
    lane: Arc<Lane>,
    key: (Priority, u64),
}

/// Leave to run; returned when dropped.
#[derive(Debug)]
pub struct Slot(Arc<Lane>);

impl Lane {
    /// A queue that lets `limit` requests run at a time.
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, state: Mutex::default(), changed: Notify::new() })
    }

    /// Takes a place behind all of the same priority; refused with the number waiting when more than `most` wait.
    pub fn join(self: &Arc<Self>, priority: Priority, most: Option<usize>) -> Result<Place, usize> {
        let mut state = self.state.lock();
        let waiting = state.waiting.len();
        if most.is_some_and(|most| waiting > most) {
            return Err(waiting);
        }
        state.arrivals += 1;
        let key = (priority, state.arrivals);
        state.waiting.insert(key);
        Ok(Place { lane: self.clone(), key })
    }

    /// A slot without queueing, if one is free.
    pub fn try_slot(self: &Arc<Self>) -> Option<Slot> {
        let mut state = self.state.lock();
        (state.running < self.limit).then(|| {
            state.running += 1;
            Slot(self.clone())
        })
    }
}

impl Place {
    /// How many requests are ahead.
    pub fn ahead(&self) -> usize {
        self.lane.state.lock().waiting.range(..self.key).count()
    }

    /// Waits until it is this place's turn and at least until `earliest`.
    pub async fn turn(&self, earliest: Instant) -> Slot {
        sleep_until(earliest).await;
        loop {
            let changed = self.lane.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(slot) = self.start() {
                return slot;
            }
            changed.await;
        }
    }

    fn start(&self) -> Option<Slot> {
        let mut state = self.lane.state.lock();
        if state.running >= self.lane.limit || state.waiting.first() != Some(&self.key) {
            return None;
        }
        state.waiting.remove(&self.key);
        state.running += 1;
        drop(state);
        self.lane.changed.notify_waiters();
        Some(Slot(self.lane.clone()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.lane.state.lock().waiting.remove(&self.key);
        self.lane.changed.notify_waiters();
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.state.lock().running -= 1;
        self.0.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[tokio::test]
    async fn order_is_priority_then_arrival_and_the_limit_holds() {
        let lane = Lane::new(1);
        let low = lane.join(Priority::Low, None).unwrap();
        let first = lane.join(Priority::Normal, None).unwrap();
        let second = lane.join(Priority::Normal, None).unwrap();
        assert_eq!((first.ahead(), second.ahead(), low.ahead()), (0, 1, 2));
        let slot = first.turn(Instant::now()).await;
        assert!(second.turn(Instant::now()).now_or_never().is_none(), "the limit holds");
        drop(slot);
        let slot = second.turn(Instant::now()).await;
        assert!(lane.try_slot().is_none());
        drop(slot);
        low.turn(Instant::now()).await;
    }

    #[test]
    fn a_caller_may_refuse_a_long_queue() {
        let lane = Lane::new(1);
        let _first = lane.join(Priority::Normal, Some(0)).unwrap();
        assert_eq!(lane.join(Priority::Normal, Some(0)).unwrap_err(), 1);
    }
}
