//! What the store holds: per area in all, and per job, a page at a time. Any store lists in any order, so a page keeps
//! the least ids it meets; memory does not grow with the store.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant, SystemTime};

use futures::TryStreamExt;

use super::{Area, BlobError, BlobPrefix, Blobs};

/// A look at the whole store ends after so long, finished or not.
const PATIENCE: Duration = Duration::from_secs(5);

/// Blobs counted together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Held {
    /// How many.
    pub files: u64,
    /// Bytes they have.
    pub bytes: u64,
    /// When the newest was stored, ms since 1970; 0 for none.
    pub modified_ms: u64,
}

/// One area in all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct AreaUsage {
    /// Its blobs.
    #[serde(flatten)]
    pub held: Held,
    /// Jobs they belong to.
    pub jobs: u64,
    /// Everything was looked at; otherwise there is more than is counted here.
    pub complete: bool,
}

/// Some jobs of an area, by id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobPage {
    /// In order.
    pub jobs: Vec<(String, Held)>,
    /// There are others behind these.
    pub more: bool,
    /// Everything was looked at; otherwise some may be missing or hold more.
    pub complete: bool,
}

impl Held {
    fn add(&mut self, size: u64, modified: SystemTime) {
        let ms = modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
        self.files += 1;
        self.bytes += size;
        self.modified_ms = self.modified_ms.max(u64::try_from(ms).unwrap_or(u64::MAX));
    }
}

impl Blobs {
    /// What an area holds.
    ///
    /// # Errors
    /// [`BlobError`] when the store does not list.
    pub async fn usage(&self, area: Area) -> Result<AreaUsage, BlobError> {
        let (mut usage, mut jobs) = (AreaUsage::default(), HashSet::new());
        usage.complete = self
            .each(area, |job, size, modified| {
                usage.held.add(size, modified);
                if !jobs.contains(job) {
                    jobs.insert(job.to_owned());
                }
            })
            .await?;
        usage.jobs = jobs.len() as u64;
        Ok(usage)
    }

    /// What one job has in one area.
    ///
    /// # Errors
    /// As [`Blobs::usage`].
    pub async fn held(&self, prefix: &BlobPrefix) -> Result<Held, BlobError> {
        let mut held = Held::default();
        let mut blobs = self.list_prefix(prefix);
        while let Some(meta) = blobs.try_next().await? {
            held.add(meta.size, meta.modified);
        }
        Ok(held)
    }

    /// At most `limit` jobs of an area, the least ids behind `after`.
    ///
    /// # Errors
    /// As [`Blobs::usage`].
    pub async fn jobs(&self, area: Area, after: &str, limit: usize) -> Result<JobPage, BlobError> {
        let mut found: BTreeMap<String, Held> = BTreeMap::new();
        let complete = self
            .each(area, |job, size, modified| {
                if job <= after {
                    return;
                }
                if let Some(held) = found.get_mut(job) {
                    held.add(size, modified);
                    return;
                }
                // Whoever falls off the end never comes back: the end only moves forward.
                let fits = found.len() <= limit || found.last_key_value().is_some_and(|(last, _)| job < last.as_str());
                if fits {
                    found.entry(job.to_owned()).or_default().add(size, modified);
                    if found.len() > limit + 1 {
                        found.pop_last();
                    }
                }
            })
            .await?;
        let more = found.len() > limit;
        Ok(JobPage { jobs: found.into_iter().take(limit).collect(), more, complete })
    }

    /// Calls `seen` with job, size and time of every blob; answers whether it came to the end in time.
    async fn each(&self, area: Area, mut seen: impl FnMut(&str, u64, SystemTime)) -> Result<bool, BlobError> {
        let started = Instant::now();
        let mut blobs = self.list(area);
        while let Some((key, meta)) = blobs.try_next().await? {
            seen(key.job(), meta.size, meta.modified);
            if started.elapsed() > PATIENCE {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blobs::BlobKey;
    use bytes::Bytes;

    async fn filled(jobs: u8, folder: &std::path::Path) -> Blobs {
        let blobs = Blobs::local(&folder.join("uploads"), &folder.join("results")).unwrap();
        for job in 0..jobs {
            for name in ["a.jpg", "b.jpg"] {
                let key = BlobKey::parse(&format!("uploads/{:032x}/{name}", job)).unwrap();
                let body = futures::stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"12345"))]);
                blobs.put(&key, 100, body).await.unwrap();
            }
        }
        blobs
    }

    #[tokio::test]
    async fn an_area_is_counted_and_paged_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = filled(5, folder.path()).await;
        let usage = blobs.usage(Area::Uploads).await.unwrap();
        assert_eq!((usage.held.files, usage.held.bytes, usage.jobs, usage.complete), (10, 50, 5, true));
        let one = BlobPrefix::parse(&format!("uploads/{:032x}", 3)).unwrap();
        assert_eq!(blobs.held(&one).await.unwrap().bytes, 10);
        assert_eq!(blobs.usage(Area::Results).await.unwrap().held, Held::default());

        let (mut after, mut seen) = (String::new(), Vec::new());
        loop {
            let page = blobs.jobs(Area::Uploads, &after, 2).await.unwrap();
            assert!(page.jobs.iter().all(|(_, held)| (held.files, held.bytes) == (2, 10)));
            seen.extend(page.jobs.into_iter().map(|(job, _)| job));
            after.clone_from(seen.last().unwrap());
            if !page.more {
                break;
            }
        }
        assert_eq!(seen, (0..5).map(|job| format!("{job:032x}")).collect::<Vec<_>>());
    }
}
