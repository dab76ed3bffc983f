//! How many requests may be in work, and how many more may wait: for the host and for one component. What finds no place in
//! time, or too many before it, is refused with 503 rather than queued, so that the queue never outlives the clients in it.
//! Whoever has to wait lets the slowest of the clients that are slow lose its place (`transfers`).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::transfers::{OnCut, Transfer, Transfers};
use crate::edge::manifest::Limits;

/// The host's places, shared by all components.
#[derive(Clone)]
pub(crate) struct Admission {
    shared: Gate,
    own: Option<Gate>,
    transfers: Arc<Transfers>,
}

/// Places, and a queue in front of them.
#[derive(Clone)]
struct Gate {
    places: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    most: usize,
    wait: Duration,
}

/// A place; it is free again when the last clone is dropped, which is when the component is done with the request.
#[derive(Clone)]
pub(crate) struct Place {
    _held: Arc<(OwnedSemaphorePermit, Option<OwnedSemaphorePermit>)>,
}

impl Admission {
    /// `places` for all together; at most `queued` more wait, and nobody longer than `wait`.
    pub fn new(places: usize, queued: usize, wait: Duration) -> Self {
        Self { shared: Gate::new(places, queued, wait), own: None, transfers: Arc::default() }
    }

    /// The same places, of which one component may hold no more than its limits say.
    pub fn for_component(&self, limits: &Limits) -> Self {
        let (queued, wait) = (limits.max_queued, limits.queue_wait.unwrap_or(self.shared.wait));
        let bounded = limits.max_concurrent.is_some() || queued.is_some() || limits.queue_wait.is_some();
        let places = limits.max_concurrent.unwrap_or(Semaphore::MAX_PERMITS);
        let own = bounded.then(|| Gate::new(places, queued.unwrap_or(self.shared.most), wait));
        Self { shared: Gate { wait, ..self.shared.clone() }, own, transfers: self.transfers.clone() }
    }

    /// A place that is free at once.
    pub fn try_enter(&self) -> Option<Place> {
        let own = match &self.own {
            Some(own) => Some(own.try_enter()?),
            None => None,
        };
        Some(Place { _held: Arc::new((self.shared.try_enter()?, own)) })
    }

    /// A place, or nothing when none became free in time.
    pub async fn enter(&self) -> Option<Place> {
        if let Some(place) = self.try_enter() {
            return Some(place);
        }
        // In its component's queue until it has both: of the host's, each component may fill no more than that.
        let (own, _queued) = match &self.own {
            Some(own) => {
                let queued = own.queue()?;
                if own.is_full() {
                    self.transfers.make_room(Some(self.owner()));
                }
                (Some(own.wait().await?), Some(queued))
            }
            None => (None, None),
        };
        let shared = match self.shared.try_enter() {
            Some(permit) => permit,
            None => {
                let _queued = self.shared.queue()?;
                self.transfers.make_room(None);
                self.shared.wait().await?
            }
        };
        Some(Place { _held: Arc::new((shared, own)) })
    }

    /// A body on its way from or to a client, which holds a place. `on_cut` frees it.
    pub fn transfer(&self, on_cut: OnCut) -> Arc<Transfer> {
        self.transfers.begin(self.owner(), on_cut)
    }

    /// Tells components with places of their own apart.
    fn owner(&self) -> usize {
        self.own.as_ref().map_or(0, |own| Arc::as_ptr(&own.waiting) as usize)
    }

    /// How long a request may wait.
    pub fn wait(&self) -> Duration {
        self.shared.wait
    }

    /// How long a client should stay away: as long as its request would have waited, a second at least.
    pub fn retry_after(&self) -> Duration {
        self.shared.wait.max(Duration::from_secs(1))
    }
}

impl Gate {
    fn new(places: usize, most: usize, wait: Duration) -> Self {
        Self { places: Arc::new(Semaphore::new(places)), waiting: Arc::default(), most, wait }
    }

    fn is_full(&self) -> bool {
        self.places.available_permits() == 0
    }

    fn try_enter(&self) -> Option<OwnedSemaphorePermit> {
        self.places.clone().try_acquire_owned().ok()
    }

    /// Joins the queue, if that is not full.
    fn queue(&self) -> Option<Waiting<'_>> {
        Waiting::begin(&self.waiting, self.most)
    }

    async fn wait(&self) -> Option<OwnedSemaphorePermit> {
        tokio::time::timeout(self.wait, self.places.clone().acquire_owned()).await.ok()?.ok()
    }
}

/// One who waits; also one whose client leaves meanwhile makes room.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn begin(waiting: &'a AtomicUsize, most: usize) -> Option<Self> {
        let before = waiting.fetch_add(1, Ordering::Relaxed);
        let this = Self(waiting);
        (before < most).then_some(this)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(1);

    fn only(max_concurrent: usize) -> Limits {
        Limits { max_concurrent: Some(max_concurrent), ..Limits::default() }
    }

    #[tokio::test]
    async fn refuses_when_no_place_becomes_free() {
        let admission = Admission::new(1, 10, SHORT);
        let place = admission.enter().await.unwrap();
        let second = place.clone();
        drop(place);
        assert!(admission.enter().await.is_none(), "a clone must hold the place");
        drop(second);
        assert!(admission.enter().await.is_some());
    }

    #[tokio::test]
    async fn one_component_cannot_take_everything() {
        let host = Admission::new(2, 10, SHORT);
        let greedy = host.for_component(&only(1));
        let _held = greedy.enter().await.unwrap();
        assert!(greedy.enter().await.is_none());
        assert!(host.for_component(&Limits::default()).enter().await.is_some());
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once() {
        let host = Admission::new(10, 10, Duration::from_secs(60));
        let one = host.for_component(&Limits { max_queued: Some(1), ..only(1) });
        let _held = one.enter().await.unwrap();
        let waits = tokio::spawn({
            let one = one.clone();
            async move { one.enter().await.is_some() }
        });
        tokio::task::yield_now().await;
        assert!(one.enter().await.is_none(), "it waits behind a full queue");
        waits.abort();
        let _ = waits.await;
        let next = tokio::time::timeout(SHORT, one.enter()).await;
        assert!(next.is_err(), "whoever left the queue made room in it");
    }

    #[tokio::test]
    async fn what_others_wait_for_fills_nobodys_own_queue() {
        let host = Admission::new(1, 2, Duration::from_secs(60));
        let (crowd, one) = (host.clone(), host.for_component(&Limits { max_queued: Some(1), ..Limits::default() }));
        let _held = host.enter().await.unwrap();
        let waits = |admission: &Admission| {
            let admission = admission.clone();
            tokio::spawn(async move { admission.enter().await.is_some() })
        };
        let _others = waits(&crowd);
        tokio::task::yield_now().await;
        let first = waits(&one);
        tokio::task::yield_now().await;
        assert!(!first.is_finished(), "a queue that is its own is empty");
        assert!(one.enter().await.is_none(), "its own queue is full");
        assert!(crowd.enter().await.is_none(), "the host's queue is full");
    }
}
