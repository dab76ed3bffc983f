//! What a listener reads: its job's own stream from the place it has reached, or the job anew when that is gone. While Redis
//! is away it tries again, and goes on with its heartbeats and deadlines.

use std::sync::Arc;
use std::time::Duration;

use image2model_domain::record::JobRecord;

use super::{Listener, Stage};
use crate::redis::RedisError;
use crate::stream::entry::{Entry, Form, StreamName};
use crate::stream::job_log::Place;
use crate::stream::position::Part;
use crate::stream::start::{Reset, newest, reset_frame, snapshot_frames};

/// Between attempts to read while Redis is away.
const PATIENCE: Duration = Duration::from_millis(500);

impl Listener {
    /// Reads what has to be read before anything can be sent.
    pub(super) async fn read_on(&mut self) {
        let shared = self.shared.clone();
        let place = tokio::select! {
            biased;
            // Behind many others a turn may be long in coming.
            due = self.timers.due(&shared.drain) => return self.on_time(due),
            place = shared.log.place() => place,
        };
        let read = match self.stage {
            Stage::CatchUp(part) => self.catch_up(part, &place).await,
            _ => self.start_over(&place).await,
        };
        drop(place);
        self.patiently(read).await;
    }

    /// Reads on from the place reached. What is published meanwhile waits in the subscription.
    async fn catch_up(&mut self, part: Part, place: &Place<'_>) -> Result<(), RedisError> {
        self.subscription.skip_to_now();
        let page = place.page(self.subscription.topic().job(), self.reached).await?;
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
    async fn start_over(&mut self, place: &Place<'_>) -> Result<(), RedisError> {
        self.subscription.skip_to_now();
        match place.look(self.subscription.topic().job()).await? {
            Some(job) => self.tell_state(&job, Some(Reset::NotKept), 0),
            None => self.stage = Stage::Ended,
        }
        Ok(())
    }

    /// Tells the job as it stands, without the first `told` of its events; after a reset when a reason is given.
    pub(super) fn tell_state(&mut self, job: &JobRecord, reason: Option<Reset>, told: usize) {
        if *self.name.epoch != *job.epoch {
            let name = StreamName::new(&job.epoch, &self.name.task_id);
            self.name = self.subscription.topic().share(Arc::new(name));
        }
        self.reached = newest(job);
        if let Some(reason) = reason {
            self.shared.counters.resets.add(1);
            self.outbox.push_back(reset_frame(job, reason, self.form, &self.name));
        }
        self.outbox.extend(snapshot_frames(job, self.form, &self.name).into_iter().skip(told));
        self.stage = if job.status.is_terminal() { Stage::Ended } else { Stage::Live };
    }

    /// After a read that failed: waits a little, heartbeats and deadlines included, and lets it be tried again.
    async fn patiently(&mut self, read: Result<(), RedisError>) {
        let Err(error) = read else { return };
        tracing::debug!(job_id = self.job(), code = error.code(), "a job's stream cannot be read, trying again");
        tokio::select! {
            biased;
            due = self.timers.due(&self.shared.drain) => self.on_time(due),
            () = tokio::time::sleep(PATIENCE.mul_f64(rand::random_range(1.0..3.0))) => {}
        }
    }
}
