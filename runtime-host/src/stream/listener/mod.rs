//! One listener: what is the next thing to send it? It replays from the job's own stream until it has caught up, then lives
//! on the hub's news, and goes back to the stream whenever it is behind or may have missed something.
//!
//! Bounded: at most one page of the stream, or one snapshot, waits here to be sent. Nothing is sent twice, because whatever
//! is not after the place reached is dropped.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use image2model_domain::JobId;
use image2model_domain::record::JobRecord;
use image2model_domain::time::rfc3339;
use serde_json::json;

use super::Shared;
use super::admission::Slot;
use super::entry::{Entry, Form, StreamName, coalesce};
use super::frame;
use super::hub::{News, Subscription};
use super::position::{EntryId, EventId, Part, Position};
use super::start::{Reset, Start, newest, reset_frame, snapshot_frames};
use super::timers::{Due, Ending, Timers};
use crate::redis::RedisError;

/// Between attempts to read while Redis is away.
const PATIENCE: Duration = Duration::from_millis(500);

/// One open stream.
pub struct Listener {
    shared: Arc<Shared>,
    job: JobId,
    form: Form,
    name: StreamName,
    subscription: Subscription,
    timers: Timers,
    outbox: VecDeque<Bytes>,
    /// The last entry that was sent, or is in the outbox.
    reached: EntryId,
    stage: Stage,
    _slot: Slot,
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
}

impl Listener {
    /// A listener of `job`, as it was looked at after the subscription was made.
    pub fn open(shared: Arc<Shared>, job: &JobRecord, start: Start, opening: Opening) -> Self {
        let Opening { slot, subscription, timers, form } = opening;
        let mut listener = Self {
            name: StreamName::new(&job.id, &job.epoch),
            job: job.id.clone(),
            outbox: VecDeque::from([frame::retry(shared.limits.retry())]),
            reached: EntryId::ZERO,
            stage: Stage::Ended,
            shared,
            form,
            subscription,
            timers,
            _slot: slot,
        };
        match start {
            Start::Snapshot(reason) => listener.tell_state(job, reason),
            Start::Replay(Position { id, part }) => {
                listener.shared.counters.replays.add(1);
                listener.reached = id;
                listener.stage = Stage::CatchUp(part);
            }
            Start::Finished => {}
        }
        listener
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
                Stage::CatchUp(part) => {
                    let read = self.catch_up(part).await;
                    self.patiently(read).await;
                }
                Stage::Lost => {
                    let read = self.start_over().await;
                    self.patiently(read).await;
                }
            }
        }
    }

    async fn wait(&mut self) {
        tokio::select! {
            biased;
            due = self.timers.due(&self.shared.drain) => self.on_time(due),
            news = self.subscription.next() => self.on_news(news),
        }
    }

    fn on_time(&mut self, due: Due) {
        match due {
            Due::Heartbeat => self.outbox.push_back(self.heartbeat()),
            Due::Close(ending) => {
                match ending {
                    Ending::Drain => self.outbox.push_back(frame::retry(self.shared.retry_after_drain())),
                    Ending::Timeout => self.outbox.push_back(self.named("connection_timeout")),
                    Ending::Age => {}
                }
                self.stage = Stage::Ended;
            }
        }
    }

    fn heartbeat(&self) -> Bytes {
        match self.form {
            Form::Plain => frame::HEARTBEAT,
            Form::Task => frame::heartbeat_event(&self.id(), &self.about_now()),
        }
    }

    fn named(&self, event: &str) -> Bytes {
        frame::event(&self.id(), Some(event), &self.about_now())
    }

    fn id(&self) -> EventId<'_> {
        let part = match self.stage {
            Stage::CatchUp(part) => part,
            _ => Part::Whole,
        };
        EventId { epoch: &self.name.epoch, position: Position { id: self.reached, part } }
    }

    fn about_now(&self) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let timestamp = rfc3339(i64::try_from(now.as_millis()).unwrap_or_default());
        json!({ "task_id": &*self.name.task_id, "job_id": self.job, "timestamp": timestamp }).to_string()
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

    /// Reads on from the place reached. What is published meanwhile waits in the subscription.
    async fn catch_up(&mut self, part: Part) -> Result<(), RedisError> {
        self.subscription.skip_to_now();
        let page = self.shared.log.page(&self.job, self.reached).await?;
        if !page.found {
            self.stage = Stage::Lost;
            return Ok(());
        }
        let mut entries = page.entries.iter();
        if let (Part::Events(seen), Some(here)) = (part, entries.next()) {
            self.queue(here, self.frames_of_own_form(seen));
        }
        for entry in entries {
            self.queue(entry, 0);
        }
        // An end that more follows is history: files of the job were put in line anew.
        let ended = page.entries.last().is_some_and(Entry::is_last);
        self.stage = match (page.more, ended) {
            (true, _) => Stage::CatchUp(Part::Whole),
            (false, true) => Stage::Ended,
            (false, false) => Stage::Live,
        };
        Ok(())
    }

    /// Parts count the events of the named form; in the other an entry is one event, and is sent again.
    fn frames_of_own_form(&self, seen: usize) -> usize {
        match self.form {
            Form::Plain => 0,
            Form::Task => seen,
        }
    }

    /// The place is gone: reads the job anew.
    async fn start_over(&mut self) -> Result<(), RedisError> {
        self.subscription.skip_to_now();
        match self.shared.log.look(&self.job).await? {
            Some(job) => self.tell_state(&job, Some(Reset::NotKept)),
            None => self.stage = Stage::Ended,
        }
        Ok(())
    }

    fn tell_state(&mut self, job: &JobRecord, reason: Option<Reset>) {
        self.name = StreamName::new(&job.id, &job.epoch);
        self.reached = newest(job);
        if let Some(reason) = reason {
            self.shared.counters.resets.add(1);
            self.outbox.push_back(reset_frame(job, reason, self.form, &self.name));
        }
        self.outbox.extend(snapshot_frames(job, self.form, &self.name));
        self.stage = if job.status.is_terminal() { Stage::Ended } else { Stage::Live };
    }

    /// After a read that failed: waits a little, heartbeats and deadlines included, and lets it be tried again.
    async fn patiently(&mut self, read: Result<(), RedisError>) {
        let Err(error) = read else { return };
        tracing::debug!(job_id = %self.job, code = error.code(), "a job's stream cannot be read, trying again");
        tokio::select! {
            biased;
            due = self.timers.due(&self.shared.drain) => self.on_time(due),
            () = tokio::time::sleep(PATIENCE.mul_f64(rand::random_range(1.0..3.0))) => {}
        }
    }
}
