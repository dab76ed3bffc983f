//! A job's own stream in Redis, read when a listener connects, is behind, or may have missed something.
//! Bounded: so many reads at a time, so many entries each.

use std::time::Duration;

use image2model_domain::commands::ReadJob;
use image2model_domain::record::JobRecord;
use image2model_domain::{FileId, JobId};
use redis::streams::StreamRangeReply;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::entry::Entry;
use super::position::EntryId;
use crate::redis::{RedisError, Store};

/// Entries per read. What a listener holds in memory while it catches up.
const PAGE: usize = 64;

/// How long a request may look for the job of its task.
const FIRST_LOOK_WITHIN: Duration = Duration::from_secs(1);

/// What one read of a job's stream gave.
#[derive(Debug)]
pub struct Page {
    /// Whether the entry that was asked for is still the first of what follows.
    pub found: bool,
    /// The entry asked for, when it was found, and those after it.
    pub entries: Vec<Entry>,
    /// Whether there may be more.
    pub more: bool,
}

/// Reads jobs and their streams, so many at a time.
#[derive(Debug)]
pub struct JobLog {
    store: Store,
    places: Semaphore,
}

/// Leave to read.
#[derive(Debug)]
pub struct Place<'a> {
    store: &'a Store,
    _permit: Option<SemaphorePermit<'a>>,
}

impl JobLog {
    /// Reads from `store`, `reads` at a time.
    #[must_use]
    pub fn new(store: Store, reads: usize) -> Self {
        Self { store, places: Semaphore::new(reads) }
    }

    /// A place among those that read, as soon as there is one. Cancel safe.
    pub async fn place(&self) -> Place<'_> {
        Place { store: &self.store, _permit: self.places.acquire().await.ok() }
    }

    /// The job that a file is in; `None` when no job has that file. A request's first look: it takes no place, being small,
    /// and no longer than a second, so that the answer is not late when there is none.
    ///
    /// # Errors
    /// [`RedisError`].
    pub async fn job_of(&self, file: &FileId) -> Result<Option<JobId>, RedisError> {
        let mut command = redis::cmd("GET");
        command.arg(self.store.keys().job_of_file(file));
        let late = |_| RedisError::Unavailable("no answer in time".to_owned());
        let job: Option<String> =
            tokio::time::timeout(FIRST_LOOK_WITHIN, self.store.query(&command)).await.map_err(late)??;
        Ok(job.and_then(|job| JobId::parse(&job).ok()))
    }
}

impl Place<'_> {
    /// The job as it stands, with the id of its newest event.
    ///
    /// # Errors
    /// [`RedisError`].
    pub async fn look(&self, job: &JobId) -> Result<Option<JobRecord>, RedisError> {
        self.store.run(&ReadJob(job)).await
    }

    /// Entries from `from` on, itself included, so that it is seen whether `from` is (still) there: one command, one look.
    ///
    /// # Errors
    /// [`RedisError`].
    pub async fn page(&self, job: &JobId, from: EntryId) -> Result<Page, RedisError> {
        let mut command = redis::cmd("XRANGE");
        command.arg(self.store.keys().job_events(job)).arg(from.to_string()).arg("+").arg("COUNT").arg(PAGE);
        let reply: StreamRangeReply = self.store.query(&command).await?;
        let more = reply.ids.len() == PAGE;
        let entries: Vec<Entry> = reply.ids.into_iter().filter_map(read).collect();
        Ok(Page { found: entries.first().is_some_and(|entry| entry.id() == from), entries, more })
    }
}

fn read(entry: redis::streams::StreamId) -> Option<Entry> {
    Some(Entry::new(EntryId::parse(&entry.id)?, entry.get("data").unwrap_or_default()))
}
