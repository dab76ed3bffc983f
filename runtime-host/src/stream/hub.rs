//! Hands each event to whoever listens to its job, inside this process. Fed by one tail of Redis per host.
//!
//! A topic exists while somebody listens and keeps the last events for those who are behind. Whoever falls further behind,
//! or may have missed something, is told to read the job's own stream: nothing is skipped silently.

use std::collections::HashMap;
use std::sync::Arc;

use image2model_domain::JobId;
use parking_lot::Mutex;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

use super::entry::Entry;
use super::position::EntryId;
use super::topic::{News, Topic};
use crate::redis::{TailEvent, TailMessage};

type Topics = HashMap<Arc<JobId>, Arc<Topic>>;

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
        let topic = self.topics.lock().get(job).cloned();
        if let Some(topic) = topic {
            topic.push(news());
        }
    }

    /// Tells every listener that something may be missing.
    pub fn gap(&self) {
        let topics: Vec<_> = self.topics.lock().values().cloned().collect();
        for topic in topics {
            topic.push(News::Gap);
        }
    }

    /// Lets go of the events that came before `then`.
    pub fn forget(&self, then: Instant) {
        self.topics.lock().values().for_each(|topic| topic.forget(then));
    }

    /// Passes on what the tail sees, until the tail ends; whose key is taken back, to `revoked`.
    pub async fn follow(&self, mut tail: Receiver<TailMessage>, revoked: impl Fn(&str)) {
        loop {
            match tail.recv().await {
                Ok(TailMessage::Event(event)) => self.publish(&event),
                Ok(TailMessage::Knock(_)) => {}
                Ok(TailMessage::Revoked(caller)) => revoked(&caller),
                Ok(TailMessage::Gap) | Err(RecvError::Lagged(_)) => self.gap(),
                Err(RecvError::Closed) => return,
            }
        }
    }

    /// Listens to a job from now on.
    #[must_use]
    pub fn subscribe(&self, job: &JobId) -> Subscription {
        let mut topics = self.topics.lock();
        let topic = match topics.get(job) {
            Some(topic) => topic.clone(),
            None => {
                let job = Arc::new(job.clone());
                topics.entry(job.clone()).or_insert(Arc::new(Topic::new(job))).clone()
            }
        };
        topic.join();
        Subscription { hub: self.clone(), place: topic.end(), topic }
    }

    /// A place where nothing ever comes: that of a task which no job has. It is kept apart from the job's own listeners, if there
    /// should be a job after all, because nobody was asked whether this one may hear of it.
    #[must_use]
    pub fn subscribe_to_nothing(&self, job: &JobId) -> Subscription {
        let topic = Arc::new(Topic::new(Arc::new(job.clone())));
        topic.join();
        Subscription { hub: self.clone(), place: topic.end(), topic }
    }

    /// Jobs that somebody listens to.
    #[must_use]
    pub fn len(&self) -> usize {
        self.topics.lock().len()
    }

    /// Whether nobody listens to anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.topics.lock().is_empty()
    }
}

/// One listener's place at a job.
#[derive(Debug)]
pub struct Subscription {
    hub: Hub,
    topic: Arc<Topic>,
    place: u64,
}

impl Subscription {
    /// The next news. Cancel safe.
    pub async fn next(&mut self) -> News {
        let topic = self.topic.clone();
        loop {
            // Before the look, so that nothing comes between the two.
            let told = topic.news();
            if let Some(news) = self.try_next() {
                return news;
            }
            told.await;
        }
    }

    /// What is there already, without waiting.
    pub fn try_next(&mut self) -> Option<News> {
        self.topic.take(&mut self.place)
    }

    /// Forgets what has not been read: everything from now on follows.
    pub fn skip_to_now(&mut self) {
        self.place = self.topic.end();
    }

    /// The topic, for a carrier that looks at it itself.
    #[must_use]
    pub fn topic(&self) -> &Arc<Topic> {
        &self.topic
    }

    /// The place of the next news.
    #[must_use]
    pub fn place(&self) -> u64 {
        self.place
    }

    /// Moves to where everything before has been dealt with.
    pub fn move_to(&mut self, place: u64) {
        self.place = place;
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        // Counted under the lock, so that of two that leave at once the second sees that it is the last.
        let mut topics = self.hub.topics.lock();
        let job = &**self.topic.job();
        if self.topic.leave() && topics.get(job).is_some_and(|topic| Arc::ptr_eq(topic, &self.topic)) {
            topics.remove(job);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::topic::RING;
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
    fn who_listens_to_nothing_hears_nothing_and_is_in_nobodys_way() {
        let (hub, job) = (Hub::default(), JobId::from_random([1; 16]));
        let (mut listener, mut apart) = (hub.subscribe(&job), hub.subscribe_to_nothing(&job));
        hub.publish(&event(&job, 1));
        hub.gap();
        assert!(apart.try_next().is_none());
        drop(apart);
        assert!(listener.try_next().is_some());
        assert_eq!(hub.len(), 1);
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
