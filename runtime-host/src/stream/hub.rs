//! Hands each event to whoever listens to its job, inside this process. Fed by one tail of Redis per host.
//!
//! A topic exists while somebody listens and keeps the last [`RING`] events for those who are behind. Whoever falls further
//! behind, or may have missed something, is told to read the job's own stream: nothing is skipped silently.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use image2model_domain::JobId;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::broadcast::{self, Receiver, Sender};

use super::entry::Entry;
use super::position::EntryId;
use crate::redis::{TailEvent, TailMessage};

/// Events kept for listeners that are behind.
const RING: usize = 64;

type Topics = HashMap<JobId, Sender<News>>;

/// What a listener gets.
#[derive(Debug, Clone)]
pub enum News {
    /// The next event.
    Entry(Arc<Entry>),
    /// Something may be missing: read the job's stream from where you stand.
    Gap,
}

/// The fan-out. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Hub {
    topics: Arc<Mutex<Topics>>,
}

impl Hub {
    /// Hands one event to its job's listeners.
    pub fn publish(&self, event: &TailEvent) {
        let Some(id) = EntryId::parse(&event.id) else {
            tracing::warn!(job_id = %event.job, "an event's id cannot be read, its listeners read the stream instead");
            return self.tell(&event.job, || News::Gap);
        };
        self.tell(&event.job, || News::Entry(Arc::new(Entry::new(id, event.data.clone()))));
    }

    fn tell(&self, job: &JobId, news: impl FnOnce() -> News) {
        if let Some(topic) = self.topics().get(job) {
            // Nobody listening any more is no error.
            let _ = topic.send(news());
        }
    }

    /// Tells every listener that something may be missing.
    pub fn gap(&self) {
        let topics: Vec<_> = self.topics().values().cloned().collect();
        for topic in topics {
            let _ = topic.send(News::Gap);
        }
    }

    /// Passes on what the tail sees, until the tail ends.
    pub async fn follow(&self, mut tail: Receiver<TailMessage>) {
        loop {
            match tail.recv().await {
                Ok(TailMessage::Event(event)) => self.publish(&event),
                Ok(TailMessage::Knock(_)) => {}
                Ok(TailMessage::Gap) | Err(RecvError::Lagged(_)) => self.gap(),
                Err(RecvError::Closed) => return,
            }
        }
    }

    /// Listens to a job from now on.
    #[must_use]
    pub fn subscribe(&self, job: &JobId) -> Subscription {
        let mut topics = self.topics();
        let receiver = match topics.get(job) {
            Some(topic) => topic.subscribe(),
            None => {
                let (topic, receiver) = broadcast::channel(RING);
                topics.insert(job.clone(), topic);
                receiver
            }
        };
        Subscription { hub: self.clone(), job: job.clone(), receiver: Some(receiver) }
    }

    /// Jobs that somebody listens to.
    #[must_use]
    pub fn len(&self) -> usize {
        self.topics().len()
    }

    /// Whether nobody listens to anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.topics().is_empty()
    }

    fn topics(&self) -> MutexGuard<'_, Topics> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One listener's place at a job.
#[derive(Debug)]
pub struct Subscription {
    hub: Hub,
    job: JobId,
    receiver: Option<Receiver<News>>,
}

impl Subscription {
    /// The next news. Cancel safe.
    pub async fn next(&mut self) -> News {
        let Some(receiver) = &mut self.receiver else { return std::future::pending().await };
        match receiver.recv().await {
            Ok(news) => news,
            // The sender lives in the hub as long as this does, so `Closed` does not happen.
            Err(RecvError::Lagged(_) | RecvError::Closed) => News::Gap,
        }
    }

    /// What is there already, without waiting.
    pub fn try_next(&mut self) -> Option<News> {
        match self.receiver.as_mut()?.try_recv() {
            Ok(news) => Some(news),
            Err(TryRecvError::Lagged(_)) => Some(News::Gap),
            Err(TryRecvError::Empty | TryRecvError::Closed) => None,
        }
    }

    /// Forgets what has not been read: everything from now on follows.
    pub fn skip_to_now(&mut self) {
        if let Some(receiver) = &mut self.receiver {
            *receiver = receiver.resubscribe();
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut topics = self.hub.topics();
        // Dropped under the lock, so that of two that leave at once the second sees that it is the last.
        self.receiver = None;
        if topics.get(&self.job).is_some_and(|topic| topic.receiver_count() == 0) {
            topics.remove(&self.job);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(job: &JobId, seq: usize) -> TailEvent {
        TailEvent { job: job.clone(), id: format!("1-{seq}"), data: "{}".to_owned() }
    }

    #[tokio::test]
    async fn a_listener_gets_its_own_jobs_events_in_order() {
        let (hub, mine, other) = (Hub::default(), JobId::from_random([1; 16]), JobId::from_random([2; 16]));
        let mut listener = hub.subscribe(&mine);
        hub.publish(&event(&other, 0));
        hub.publish(&event(&mine, 1));
        hub.publish(&event(&mine, 2));
        for seq in [1, 2] {
            assert!(matches!(listener.next().await, News::Entry(e) if e.id().seq == seq));
        }
        assert!(listener.try_next().is_none());
    }

    #[tokio::test]
    async fn who_falls_behind_the_ring_is_told() {
        let (hub, job) = (Hub::default(), JobId::from_random([1; 16]));
        let mut listener = hub.subscribe(&job);
        for seq in 0..=RING {
            hub.publish(&event(&job, seq));
        }
        assert!(matches!(listener.next().await, News::Gap));
        listener.skip_to_now();
        hub.gap();
        assert!(matches!(listener.next().await, News::Gap));
    }

    #[test]
    fn a_topic_goes_with_its_last_listener() {
        let (hub, job) = (Hub::default(), JobId::from_random([1; 16]));
        let (one, two) = (hub.subscribe(&job), hub.subscribe(&job));
        drop(one);
        assert_eq!(hub.len(), 1);
        drop(two);
        assert!(hub.is_empty());
    }
}
