//! What all removing of blobs has in common: it is work of the queue `maintenance`, which can be paused and of which each
//! kind is done by one host at a time, and what it removed is counted.

use std::time::Duration;

use image2model_domain::JobId;
use image2model_domain::commands::{FinishMaintenance, Maintenance, TakeMaintenance, Tally};
use image2model_domain::queue::Queue;
use image2model_domain::time::millis;

use super::Freed;
use crate::redis::{RedisError, Store};

/// What was removed, by why.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Removed {
    /// The scripts noted that nothing needs it any more.
    pub(super) noted: Freed,
    /// No job knows of it.
    pub(super) orphaned: Freed,
    /// It was never completed.
    pub(super) staged: Freed,
}

impl Removed {
    pub(super) fn add(&mut self, other: Self) {
        self.noted += other.noted;
        self.orphaned += other.orphaned;
        self.staged += other.staged;
    }
}

/// Speaks for one host.
pub(super) struct Housekeeper {
    store: Store,
    host: String,
}

impl Housekeeper {
    pub(super) fn new(store: Store, host: String) -> Self {
        Self { store, host }
    }

    /// Nothing is to be removed for now.
    pub(super) async fn is_paused(&self) -> Result<bool, RedisError> {
        let key = self.store.keys().queue_paused();
        self.store.query(::redis::cmd("HEXISTS").arg(key).arg(Queue::Maintenance.as_str())).await
    }

    /// Whether a piece of work that is due every so often is to be done by this host now. Asked again it goes on with it.
    pub(super) async fn take(&self, task: &str, every: Duration, lease: Duration) -> Result<bool, RedisError> {
        let take = TakeMaintenance { worker: &self.host, task, every_ms: millis(every), lease_ms: millis(lease) };
        Ok(self.store.run(&take).await? == Maintenance::Run)
    }

    /// It is done, until it is due again.
    pub(super) async fn finish(&self, task: &str) -> Result<(), RedisError> {
        self.store.run(&FinishMaintenance { worker: &self.host, task }).await.map(drop)
    }

    /// What the folders bear whose blobs belong to the jobs in this Redis.
    pub(super) async fn mark(&self) -> Result<Option<String>, RedisError> {
        self.store.query(::redis::cmd("GET").arg(self.store.keys().blobs_mark())).await
    }

    /// Makes one, unless another host was faster, and answers it.
    pub(super) async fn make_mark(&self) -> Result<String, RedisError> {
        let (key, mark) = (self.store.keys().blobs_mark(), hex::encode(rand::random::<[u8; 16]>()));
        self.store.query::<()>(::redis::cmd("SETNX").arg(&key).arg(&mark)).await?;
        Ok(self.mark().await?.unwrap_or(mark))
    }

    /// Whether a job has a record.
    pub(super) async fn job_exists(&self, job: &JobId) -> Result<bool, RedisError> {
        self.store.query(::redis::cmd("EXISTS").arg(self.store.keys().job(job))).await
    }

    /// Counts it for the metrics.
    pub(super) async fn tally(&self, removed: Removed) -> Result<(), RedisError> {
        let Removed { noted, orphaned, staged } = removed;
        let counts = [
            ("blobs_removed:noted", noted.deleted),
            ("blobs_removed:orphaned", orphaned.deleted),
            ("blobs_removed:staged", staged.deleted),
            ("blob_bytes_removed:noted", noted.freed_bytes),
            ("blob_bytes_removed:orphaned", orphaned.freed_bytes),
            ("blob_bytes_removed:staged", staged.freed_bytes),
        ];
        let counts: Vec<(&str, u64)> = counts.into_iter().filter(|(_, by)| *by > 0).collect();
        if counts.is_empty() { Ok(()) } else { self.store.run(&Tally(&counts)).await }
    }
}
