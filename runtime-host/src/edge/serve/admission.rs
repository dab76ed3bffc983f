//! How many requests may be in work: for the host and for one component. What finds no place in time is refused with 503
//! rather than queued, so that the queue never outlives the clients in it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The host's places, shared by all components.
#[derive(Clone)]
pub(crate) struct Admission {
    places: Arc<Semaphore>,
    own: Option<Arc<Semaphore>>,
    wait: Duration,
}

/// A place; it is free again when the last clone is dropped, which is when the component is done with the request.
#[derive(Clone)]
pub(crate) struct Place {
    _held: Arc<(OwnedSemaphorePermit, Option<OwnedSemaphorePermit>)>,
}

impl Admission {
    /// `places` for all together; nobody waits longer than `wait`.
    pub fn new(places: usize, wait: Duration) -> Self {
        Self { places: Arc::new(Semaphore::new(places)), own: None, wait }
    }

    /// The same places, of which one component may hold at most `limit`.
    pub fn for_component(&self, limit: Option<usize>) -> Self {
        Self { own: limit.map(|limit| Arc::new(Semaphore::new(limit))), ..self.clone() }
    }

    /// A place, or nothing when none became free in time.
    pub async fn enter(&self) -> Option<Place> {
        let own = match &self.own {
            Some(own) => Some(self.acquire(own).await?),
            None => None,
        };
        let shared = self.acquire(&self.places).await?;
        Some(Place { _held: Arc::new((shared, own)) })
    }

    async fn acquire(&self, places: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
        if let Ok(permit) = places.clone().try_acquire_owned() {
            return Some(permit);
        }
        tokio::time::timeout(self.wait, places.clone().acquire_owned()).await.ok()?.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn refuses_when_no_place_becomes_free() {
        let admission = Admission::new(1, Duration::from_millis(1));
        let place = admission.enter().await.unwrap();
        let second = place.clone();
        drop(place);
        assert!(admission.enter().await.is_none(), "a clone must hold the place");
        drop(second);
        assert!(admission.enter().await.is_some());
    }

    #[tokio::test]
    async fn one_component_cannot_take_everything() {
        let host = Admission::new(2, Duration::from_millis(1));
        let greedy = host.for_component(Some(1));
        let _held = greedy.enter().await.unwrap();
        assert!(greedy.enter().await.is_none());
        assert!(host.for_component(None).enter().await.is_some());
    }
}
