//! Finds blobs that no job knows and that nothing noted for removal: of an upload whose component died before it made the job, of
//! a put that was killed half-way, of a result that came after its job was deleted.
//!
//! Safe beside everything that runs: a folder goes only when its job does not exist and nothing in it was written for longer
//! than any upload lasts; in the folder of a job that lives only what was staged that long ago and never completed. A model
//! that no job knows is kept for as long as its job would have been, and nothing goes for want of the right Redis (`owner`).
//! One host sweeps at a time, in small steps, as work of the queue `maintenance`: paused, nothing goes.

use std::time::{Duration, SystemTime};

use image2model_domain::JobId;
use tokio_util::sync::CancellationToken;

use super::housekeeping::{Housekeeper, Removed};
use super::{Area, BlobError, BlobPrefix, Blobs, Freed};
use crate::redis::{RedisError, Store};

/// What this is called among the pieces of clearing away.
const TASK: &str = "sweep";
/// Folders of one step.
const STEP: usize = 100;
/// Between two steps, so that a large store is swept beside others' work.
const REST: Duration = Duration::from_millis(20);
/// Longer than any step takes; extended with each.
const LEASE: Duration = Duration::from_secs(60);
/// Between two looks whether it is time, or whose turn it is; shorter when sweeps are.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// When to sweep, and what is old.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SweepSettings {
    /// Between the beginnings of two sweeps.
    pub every: Duration,
    /// How old a blob of no job is before it goes.
    pub orphan_age: Duration,
    /// The same for results, when that is longer.
    pub result_age: Duration,
}

impl SweepSettings {
    fn age(&self, area: Area) -> Duration {
        match area {
            Area::Uploads => self.orphan_age,
            Area::Results => self.orphan_age.max(self.result_age),
        }
    }
}

/// Why a sweep ended early.
#[derive(Debug, thiserror::Error)]
pub(super) enum SweepError {
    #[error(transparent)]
    Redis(#[from] RedisError),
    #[error(transparent)]
    Blobs(#[from] BlobError),
}

impl SweepError {
    fn code(&self) -> &'static str {
        match self {
            Self::Redis(error) => error.code(),
            Self::Blobs(error) => error.code(),
        }
    }
}

/// Sweeps whenever it is time and this host's turn, until `stop`. `holder` names the host.
pub async fn sweep_orphans(
    store: Store,
    blobs: Blobs,
    settings: SweepSettings,
    holder: String,
    stop: CancellationToken,
) {
    let sweeper = Sweeper { keeper: Housekeeper::new(store, holder), blobs, settings, stop };
    while !sweeper.stop.is_cancelled() {
        if let Err(error) = sweeper.look().await {
            tracing::warn!(code = error.code(), %error, "blobs of no job cannot be looked for");
        }
        sweeper.rest(LOOK_EVERY.min(settings.every)).await;
    }
}

struct Sweeper {
    keeper: Housekeeper,
    blobs: Blobs,
    settings: SweepSettings,
    stop: CancellationToken,
}

impl Sweeper {
    async fn rest(&self, time: Duration) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = tokio::time::sleep(time) => {}
        }
    }

    /// Sweeps both areas if it is time.
    async fn look(&self) -> Result<(), SweepError> {
        let SweepSettings { every, .. } = self.settings;
        if !self.keeper.take(TASK, every, LEASE).await? {
            return Ok(());
        }
        let (started, mut removed) = (tokio::time::Instant::now(), Removed::default());
        for area in [Area::Uploads, Area::Results] {
            if !self.blobs.are_of(&self.keeper, area).await? {
                let area = area.as_str();
                tracing::warn!(area, "these blobs belong to the jobs of another Redis, and are left alone");
                continue;
            }
            let mut folders = self.blobs.folders(area).await?;
            loop {
                let step = folders.next(STEP).await?;
                if step.is_empty() {
                    break;
                }
                let gone = self.step(area, &step).await?;
                self.keeper.tally(gone).await?;
                removed.add(gone);
                self.rest(REST).await;
                if self.stop.is_cancelled() || !self.keeper.take(TASK, every, LEASE).await? {
                    return Ok(());
                }
            }
        }
        self.keeper.finish(TASK).await?;
        let Removed { orphaned, staged, .. } = removed;
        tracing::info!(
            orphaned = orphaned.deleted,
            staged = staged.deleted,
            freed_bytes = orphaned.freed_bytes + staged.freed_bytes,
            took_ms = started.elapsed().as_millis() as u64,
            "blobs of no job were looked for"
        );
        Ok(())
    }

    async fn step(&self, area: Area, folders: &[BlobPrefix]) -> Result<Removed, SweepError> {
        let now = SystemTime::now();
        let before = |age: Duration| now.checked_sub(age).unwrap_or(SystemTime::UNIX_EPOCH);
        let mut removed = Removed::default();
        for folder in folders {
            let (Ok(job), Some(contents)) = (JobId::parse(folder.job()), self.blobs.contents(folder).await?) else {
                continue;
            };
            let staged = contents.staged_before(before(self.settings.orphan_age));
            removed.staged += self.blobs.remove_staged(&staged).await?;
            // Asked last: whoever makes a job writes to its folder before.
            if contents.newest < before(self.settings.age(area)) && !self.keeper.job_exists(&job).await? {
                let freed = self.blobs.delete_prefix(folder).await?;
                if freed != Freed::default() {
                    let (area, deleted) = (area.as_str(), freed.deleted);
                    tracing::info!(area, job_id = %job, deleted, "blobs of no job were removed");
                }
                removed.orphaned += freed;
            }
        }
        Ok(removed)
    }
}
