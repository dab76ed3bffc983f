//! One listener: what is the next thing to send it? It replays from the job's own stream until it has caught up, then lives
//! on the hub's news, and goes back to the stream whenever it is behind or may have missed something.
//!
//! Bounded: at most one page of the stream, or one snapshot, waits here to be sent. Nothing is sent twice, because whatever
//! is not after the place reached is dropped.

mod reading;
mod waiting;

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use image2model_domain::record::JobRecord;

use super::Shared;
use super::admission::Slot;
use super::entry::{Entry, Form, StreamName, coalesce};
use super::frame;
use super::hub::Subscription;
use super::position::{EntryId, Part, Position};
use super::signs::Standing;
use super::start::Start;
use super::timers::{Due, Ending, Timers};
use super::topic::News;

pub use waiting::Waiting;

/// One open stream.
pub struct Listener {
    shared: Arc<Shared>,
    form: Form,
    name: Arc<StreamName>,
    subscription: Subscription,
    timers: Timers,
    outbox: VecDeque<Bytes>,
    /// The last entry that was sent, or is in the outbox.
    reached: EntryId,
    stage: Stage,
    slot: Slot,
}

/// What a carrier that writes many frames at a time has to do next.
pub enum Todo {
    /// Write these.
    Write(VecDeque<Bytes>),
    /// Wait for news: everything up to now was written.
    Wait,
    /// Close.
    Close,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Reading the stream from the place reached; of the entry there, this much has been sent.
    CatchUp(Part),
    /// The place is gone: the present state is to be told.
    Lost,
    /// Everything up to the place reached was sent; the hub has the rest.
    Live,
    /// Nothing follows what is in the outbox.
    Ended,
}

/// What a connection brings along.
pub struct Opening {
    /// Counted already.
    pub slot: Slot,
    /// Made before the job was looked at.
    pub subscription: Subscription,
    /// Its deadlines.
    pub timers: Timers,
    /// The form of the events.
    pub form: Form,
    /// The names in them.
    pub name: StreamName,
}

impl Listener {
    /// A listener of `job`, as it was looked at after the subscription was made.
    pub fn open(shared: Arc<Shared>, job: &JobRecord, start: Start, opening: Opening) -> Self {
        let mut listener = Self::new(shared, opening);
        match start {
            Start::Snapshot(reason) => listener.tell_state(job, reason, 0),
            Start::Rest(told) => listener.tell_state(job, None, told),
            Start::Replay(Position { id, part }) => {
                listener.shared.counters.replays.add(1);
                listener.reached = id;
                listener.stage = Stage::CatchUp(part);
            }
            Start::Finished => {}
        }
        listener
    }

    /// A listener of a task that no job has: hears `first`, and then that this goes on, until it is let go.
    pub fn of_no_job(shared: Arc<Shared>, first: Vec<Bytes>, opening: Opening) -> Self {
        let mut listener = Self::new(shared, opening);
        listener.outbox.extend(first);
        listener.stage = Stage::Live;
        listener
    }

    fn new(shared: Arc<Shared>, opening: Opening) -> Self {
        let Opening { slot, subscription, timers, form, name } = opening;
        Self {
            name: subscription.topic().share(Arc::new(name)),
            outbox: VecDeque::from([frame::retry(shared.limits.retry())]),
            reached: EntryId::ZERO,
            stage: Stage::Ended,
            shared,
            form,
            subscription,
            timers,
            slot,
        }
    }

    /// The next frame; `None` at the end.
    pub async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(frame) = self.outbox.pop_front() {
                self.timers.sent();
                self.shared.counters.frames.add(1);
                return Some(frame);
            }
            match self.stage {
                Stage::Ended => return None,
                Stage::Live => self.wait().await,
                Stage::CatchUp(_) | Stage::Lost => self.read_on().await,
            }
        }
    }

    /// All that is to be sent now, read from the stream where need be. It does not wait for news.
    pub async fn todo(&mut self) -> Todo {
        loop {
            if !self.outbox.is_empty() {
                self.timers.sent();
                self.shared.counters.frames.add(self.outbox.len());
                return Todo::Write(std::mem::take(&mut self.outbox));
            }
            match self.stage {
                Stage::Ended => return Todo::Close,
                Stage::Live => return Todo::Wait,
                Stage::CatchUp(_) | Stage::Lost => self.read_on().await,
            }
        }
    }

    /// What all streams share.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The job, as logs name it.
    pub fn job(&self) -> &str {
        self.subscription.topic().job().as_str()
    }

    async fn wait(&mut self) {
        tokio::select! {
            biased;
            () = self.slot.revoked() => self.on_time(Due::Close(Ending::Revoked)),
            due = self.timers.due(&self.shared.drain) => self.on_time(due),
            news = self.subscription.next() => self.on_news(news),
        }
    }

    fn on_time(&mut self, due: Due) {
        match due {
            Due::Heartbeat => {
                let heartbeat = self.standing().heartbeat();
                self.outbox.push_back(heartbeat);
            }
            Due::Close(ending) => {
                let goodbye = self.standing().goodbye(ending, &self.shared);
                self.outbox.extend(goodbye);
                self.stage = Stage::Ended;
            }
        }
    }

    fn standing(&self) -> Standing<'_> {
        let part = match self.stage {
            Stage::CatchUp(part) => part,
            _ => Part::Whole,
        };
        let position = Position { id: self.reached, part };
        Standing { job: self.subscription.topic().job(), form: self.form, name: &self.name, position }
    }

    fn on_news(&mut self, news: News) {
        match news {
            News::Gap => self.go_back(),
            News::Entry(entry) if entry.arrived().elapsed() < self.shared.limits.lagging => self.send(&entry),
            News::Entry(entry) => self.on_backlog(entry),
        }
    }

    /// A lagging client gets what has piled up without the progress that is outdated by now.
    fn on_backlog(&mut self, first: Arc<Entry>) {
        let (mut batch, mut gap) = (vec![first], false);
        while let Some(news) = self.subscription.try_next() {
            match news {
                News::Entry(entry) => batch.push(entry),
                News::Gap => {
                    gap = true;
                    break;
                }
            }
        }
        let all = batch.len();
        let kept = coalesce(batch);
        self.shared.counters.coalesced.add(all - kept.len());
        kept.iter().for_each(|entry| self.send(entry));
        if gap && self.stage == Stage::Live {
            self.go_back();
        }
    }

    fn go_back(&mut self) {
        self.shared.counters.rereads.add(1);
        self.stage = Stage::CatchUp(Part::Whole);
    }

    /// Queues an entry unless the client has it; the job's last one ends the stream.
    fn send(&mut self, entry: &Entry) {
        if self.stage != Stage::Ended && entry.id() > self.reached {
            self.queue(entry, 0);
            if entry.is_last() {
                self.stage = Stage::Ended;
            }
        }
    }

    /// Queues an entry without the first `skip` of its frames.
    fn queue(&mut self, entry: &Entry, skip: usize) {
        self.reached = entry.id();
        self.outbox.extend(entry.frames(self.form, &self.name).iter().skip(skip).cloned());
    }
}
