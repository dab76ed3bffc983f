//! Removes blobs that nothing needs any more: the images of cancelled files, and everything of jobs that have expired.
//!
//! The scripts note what is to go (`remove_blobs` in their prelude) together with the change that made it useless;
//! here it goes, and is tried again until it has gone. Any number of hosts may do so beside each other. While the queue
//! `maintenance` is paused nothing goes.

use std::time::Duration;

use image2model_domain::{FileId, JobId};
use tokio_util::sync::CancellationToken;

use super::housekeeping::{Housekeeper, Removed};
use super::{Area, BlobError, BlobPrefix, Blobs, Freed};
use crate::redis::sign_of_life::now_ms;
use crate::redis::{RedisError, Store};

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Entries of one look.
const BATCH: usize = 32;
/// When what could not be removed is tried again, and a job that still lives looked at again.
const AGAIN_IN_MS: i64 = 30_000;

/// Something to remove.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Useless {
    /// What was stored of one file.
    File(JobId, FileId),
    /// Everything of a job.
    Job(JobId),
    /// Everything of a job, once its record has expired.
    Expired(JobId),
}

impl Useless {
    fn parse(text: &str) -> Option<Self> {
        let (what, name) = text.split_once(' ')?;
        let job = |name: &str| JobId::parse(name).ok();
        match what {
            "file" => name.split_once('/').and_then(|(id, file)| Some(Self::File(job(id)?, FileId::parse(file).ok()?))),
            "job" => job(name).map(Self::Job),
            "expired" => job(name).map(Self::Expired),
            _ => None,
        }
    }
}

/// Removes what is noted, until `stop`.
pub async fn remove_useless_blobs(store: Store, blobs: Blobs, stop: CancellationToken) {
    let remover = Remover { keeper: Housekeeper::new(store.clone(), String::new()), store, blobs };
    while !stop.is_cancelled() {
        let full = match remover.look().await {
            Ok(seen) => seen == BATCH,
            Err(error) => {
                tracing::debug!(code = error.code(), "blobs to remove cannot be looked for");
                false
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(if full { Duration::ZERO } else { LOOK_EVERY }) => {}
        }
    }
}

struct Remover {
    keeper: Housekeeper,
    store: Store,
    blobs: Blobs,
}

impl Remover {
    async fn look(&self) -> Result<usize, RedisError> {
        if self.keeper.is_paused().await? {
            return Ok(0);
        }
        let key = self.store.keys().blobs_to_remove();
        let mut command = ::redis::cmd("ZRANGEBYSCORE");
        command.arg(&key).arg("-inf").arg(now_ms()).arg("LIMIT").arg(0).arg(BATCH);
        let due: Vec<String> = self.store.query(&command).await?;
        for text in &due {
            if self.is_done(text).await? {
                self.store.query::<()>(::redis::cmd("ZREM").arg(&key).arg(text)).await?;
            } else {
                let later = now_ms().saturating_add(AGAIN_IN_MS);
                self.store.query::<()>(::redis::cmd("ZADD").arg(&key).arg("XX").arg(later).arg(text)).await?;
            }
        }
        Ok(due.len())
    }

    /// Whether nothing is left to do for an entry.
    async fn is_done(&self, text: &str) -> Result<bool, RedisError> {
        let Some(useless) = Useless::parse(text) else {
            tracing::warn!(entry = text, "a note of blobs to remove cannot be read");
            return Ok(true);
        };
        if let Useless::Expired(job) = &useless
            && self.keeper.job_exists(job).await?
        {
            return Ok(false);
        }
        match self.remove(&useless).await {
            Ok(noted) => {
                if noted.deleted > 0 {
                    tracing::info!(entry = text, deleted = noted.deleted, "blobs were removed");
                    self.keeper.tally(Removed { noted, ..Removed::default() }).await?;
                }
                Ok(true)
            }
            Err(error) => {
                tracing::warn!(entry = text, %error, "blobs cannot be removed, trying again");
                Ok(false)
            }
        }
    }

    async fn remove(&self, useless: &Useless) -> Result<Freed, BlobError> {
        let mut freed = Freed::default();
        for area in [Area::Uploads, Area::Results] {
            freed += match useless {
                Useless::File(job, file) => self.blobs.delete_file(&BlobPrefix::new(area, job), file).await?,
                Useless::Job(job) | Useless::Expired(job) => {
                    self.blobs.delete_prefix(&BlobPrefix::new(area, job)).await?
                }
            };
        }
        Ok(freed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_read_as_the_scripts_write_them() {
        let (job, file) = (JobId::from_random([1; 16]), FileId::from_random([2; 16]));
        assert_eq!(Useless::parse(&format!("file {job}/{file}")), Some(Useless::File(job.clone(), file)));
        assert_eq!(Useless::parse(&format!("job {job}")), Some(Useless::Job(job.clone())));
        assert_eq!(Useless::parse(&format!("expired {job}")), Some(Useless::Expired(job)));
        for text in ["", "job", "job ../x", "file x", "all *"] {
            assert_eq!(Useless::parse(text), None, "{text}");
        }
    }
}
