//! One job's listeners in this process, and the last of its events for those who are behind.
//!
//! Everything stands under one short lock, so that there is one order of events for tasks and reactors alike: a listener is
//! a place in it, wherever it is carried. Bounded: [`RING`] events of [`RING_BYTES`] together, and none that is older than a
//! client may stand still.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use image2model_domain::JobId;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::time::Instant;

use super::entry::{Entry, StreamName};
use super::reactor::Mailbox;

/// Events kept for listeners that are behind. A burst is over before it is full, so that it sends nobody to Redis.
pub const RING: usize = 512;
/// Their size together; the newest is kept whatever its size.
const RING_BYTES: usize = 256 * 1024;

/// What a listener gets.
#[derive(Debug, Clone)]
pub enum News {
    /// The next event.
    Entry(Arc<Entry>),
    /// Something may be missing: read the job's stream from where you stand.
    Gap,
}

impl News {
    fn size(&self) -> usize {
        match self {
            Self::Entry(entry) => entry.size(),
            Self::Gap => 0,
        }
    }
}

/// What stands at a place.
#[derive(Debug)]
pub enum Look<'a> {
    /// Nothing yet.
    Nothing,
    /// It is not kept any more.
    Behind,
    /// This.
    News(&'a News),
}

/// A job that somebody listens to.
#[derive(Debug)]
pub struct Topic {
    job: Arc<JobId>,
    ring: Mutex<Ring>,
    /// Wakes the tasks that listen.
    told: Notify,
    /// Listeners. Counted under the hub's lock, which lets a topic go with its last one.
    listeners: AtomicUsize,
}

#[derive(Debug, Default)]
struct Ring {
    /// Place of the first that is kept.
    first: u64,
    news: VecDeque<News>,
    bytes: usize,
    /// The names that most listeners share.
    name: Option<Arc<StreamName>>,
    reactors: Vec<Watching>,
}

/// A reactor with listeners of this topic.
#[derive(Debug)]
struct Watching {
    mailbox: Arc<Mailbox>,
    group: usize,
    /// Whether it has been told that there is something new, and has not looked since.
    told: bool,
}

impl Ring {
    fn end(&self) -> u64 {
        self.first + self.news.len() as u64
    }

    fn add(&mut self, news: News) {
        self.bytes += news.size();
        self.news.push_back(news);
        while self.news.len() > RING || (self.bytes > RING_BYTES && self.news.len() > 1) {
            self.let_go();
        }
    }

    fn let_go(&mut self) {
        if let Some(news) = self.news.pop_front() {
            self.bytes -= news.size();
            self.first += 1;
        }
    }
}

/// What is kept at one moment, from some place on.
#[derive(Debug)]
pub struct Kept {
    first: u64,
    news: Vec<News>,
}

impl Kept {
    /// What stands at a place.
    #[must_use]
    pub fn at(&self, place: u64) -> Look<'_> {
        let Some(behind) = place.checked_sub(self.first) else { return Look::Behind };
        usize::try_from(behind).ok().and_then(|i| self.news.get(i)).map_or(Look::Nothing, Look::News)
    }
}

impl Topic {
    /// A topic that nobody listens to yet.
    #[must_use]
    pub fn new(job: Arc<JobId>) -> Self {
        Self { job, ring: Mutex::default(), told: Notify::new(), listeners: AtomicUsize::new(0) }
    }

    /// The job.
    #[must_use]
    pub fn job(&self) -> &Arc<JobId> {
        &self.job
    }

    /// Counts one listener more.
    pub fn join(&self) {
        self.listeners.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts one listener less; answers whether it was the last.
    pub fn leave(&self) -> bool {
        self.listeners.fetch_sub(1, Ordering::Relaxed) == 1
    }

    /// Adds news, and tells everybody who waits for some.
    pub fn push(&self, news: News) {
        {
            let mut ring = self.ring.lock();
            ring.add(news);
            for watching in ring.reactors.iter_mut().filter(|watching| !watching.told) {
                watching.told = true;
                watching.mailbox.tell(watching.group);
            }
        }
        self.told.notify_waiters();
    }

    /// Becomes ready when news are pushed after this was called.
    pub fn news(&self) -> Notified<'_> {
        self.told.notified()
    }

    /// Where the next news will stand.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.ring.lock().end()
    }

    /// The news at `place`, which moves past them. Who has fallen behind gets a gap, and then what is left.
    pub fn take(&self, place: &mut u64) -> Option<News> {
        let ring = self.ring.lock();
        let Some(behind) = place.checked_sub(ring.first) else {
            *place = ring.first;
            return Some(News::Gap);
        };
        let news = ring.news.get(usize::try_from(behind).ok()?)?.clone();
        *place += 1;
        Some(news)
    }

    /// What is kept from `place` on. A reactor that looks is told anew of what comes after.
    #[must_use]
    pub fn since(&self, place: u64, reactor: Option<&Arc<Mailbox>>) -> Kept {
        let mut ring = self.ring.lock();
        if let Some(mailbox) = reactor {
            ring.reactors.iter_mut().filter(|w| Arc::ptr_eq(&w.mailbox, mailbox)).for_each(|w| w.told = false);
        }
        let first = place.clamp(ring.first, ring.end());
        let skip = usize::try_from(first - ring.first).unwrap_or(usize::MAX);
        Kept { first, news: ring.news.iter().skip(skip).cloned().collect() }
    }

    /// Lets go of what came before `then`. Who is so far behind reads the job's stream.
    pub fn forget(&self, then: Instant) {
        let mut ring = self.ring.lock();
        while let Some(news) = ring.news.front() {
            // A gap says no more than that whoever stands there is behind.
            if matches!(news, News::Entry(entry) if entry.arrived() >= then) {
                return;
            }
            ring.let_go();
        }
        ring.news.shrink_to_fit();
    }

    /// `name`, shared with the other listeners who go by the same one.
    #[must_use]
    pub fn share(&self, name: Arc<StreamName>) -> Arc<StreamName> {
        let mut ring = self.ring.lock();
        match &ring.name {
            Some(shared) if **shared == *name => shared.clone(),
            _ => ring.name.insert(name).clone(),
        }
    }

    /// The number by which a reactor knows this topic.
    #[must_use]
    pub fn group(&self, mailbox: &Arc<Mailbox>) -> Option<usize> {
        self.ring.lock().reactors.iter().find(|w| Arc::ptr_eq(&w.mailbox, mailbox)).map(|w| w.group)
    }

    /// Tells a reactor of news from now on, by this number. What came before is for it to look at.
    pub fn watch(&self, mailbox: Arc<Mailbox>, group: usize) {
        let mut ring = self.ring.lock();
        ring.reactors.reserve_exact(1);
        ring.reactors.push(Watching { mailbox, group, told: false });
    }

    /// Tells a reactor no more.
    pub fn unwatch(&self, mailbox: &Arc<Mailbox>) {
        self.ring.lock().reactors.retain(|w| !Arc::ptr_eq(&w.mailbox, mailbox));
    }
}

#[cfg(test)]
mod tests {
    use super::super::position::EntryId;
    use super::*;

    fn topic() -> Topic {
        Topic::new(Arc::new(JobId::from_random([1; 16])))
    }

    fn entry(seq: u64) -> News {
        News::Entry(Arc::new(Entry::new(EntryId { ms: 1, seq }, "{}".to_owned())))
    }

    #[test]
    fn a_place_holds_its_news_until_the_ring_has_moved_on() {
        let topic = topic();
        (0..=RING as u64).for_each(|seq| topic.push(entry(seq)));
        let kept = topic.since(0, None);
        assert!(matches!(kept.at(0), Look::Behind));
        assert!(matches!(kept.at(1), Look::News(News::Entry(e)) if e.id().seq == 1));
        assert!(matches!(kept.at(topic.end()), Look::Nothing));
        let late = topic.since(topic.end() - 1, None);
        assert!(matches!(late.at(topic.end() - 1), Look::News(News::Entry(e)) if e.id().seq == RING as u64));
        assert!(matches!(late.at(topic.end()), Look::Nothing));
    }

    #[test]
    fn large_events_are_kept_in_smaller_number() {
        let topic = topic();
        for seq in 0..10 {
            topic.push(News::Entry(Arc::new(Entry::new(EntryId { ms: 1, seq }, "x".repeat(RING_BYTES / 2)))));
        }
        let mut place = topic.end() - 2;
        assert!(matches!(topic.take(&mut place), Some(News::Entry(e)) if e.id().seq == 8));
        let mut place = topic.end() - 3;
        assert!(matches!(topic.take(&mut place), Some(News::Gap)));
    }

    #[test]
    fn what_is_old_is_let_go() {
        let topic = topic();
        topic.push(entry(0));
        topic.push(News::Gap);
        std::thread::sleep(std::time::Duration::from_millis(1));
        let then = Instant::now();
        topic.push(entry(1));
        let mut place = 0;
        topic.forget(then);
        assert!(matches!(topic.take(&mut place), Some(News::Gap)));
        assert!(matches!(topic.take(&mut place), Some(News::Entry(e)) if e.id().seq == 1));
        assert!(topic.take(&mut place).is_none());
    }

    #[test]
    fn listeners_of_one_epoch_share_their_names() {
        let topic = topic();
        let name = |epoch| Arc::new(StreamName::new(epoch, "t"));
        let (one, two) = (topic.share(name("e")), topic.share(name("e")));
        assert!(Arc::ptr_eq(&one, &two));
        assert!(!Arc::ptr_eq(&one, &topic.share(name("f"))));
    }
}
