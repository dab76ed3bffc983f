//! Makes things happen to jobs, as a worker does: log lines that say when they were written.

use std::time::{SystemTime, UNIX_EPOCH};

use image2model_domain::commands::{Holding, Log};
use image2model_host::redis::Store;

use crate::backlog;
use crate::queue::worker::claim;

/// Claimed at a time.
const AT_ONCE: usize = 100;

/// A job that is under way.
pub struct Job(Holding);

impl Job {
    /// Where its events are.
    pub fn path(&self) -> String {
        format!("/api/v1/status/stream/{}", self.0.job)
    }
}

/// See the module.
pub struct Publisher(Store);

impl Publisher {
    /// One for this Redis.
    pub fn to(redis_url: &str) -> anyhow::Result<Self> {
        Ok(Self(Store::open(redis_url)?))
    }

    /// So many new jobs of one file, under way.
    pub async fn jobs(&self, n: usize) -> anyhow::Result<Vec<Job>> {
        backlog::put(&self.0, (0..n).map(|_| backlog::job("key:bench", 1, "vase.jpg"))).await?;
        let mut jobs = Vec::with_capacity(n);
        while jobs.len() < n {
            let claimed = self.0.run(&claim(AT_ONCE.min(n - jobs.len()))).await?;
            anyhow::ensure!(!claimed.files.is_empty(), "a job is not in line");
            jobs.extend(claimed.files.into_iter().map(|file| Job(file.holding)));
        }
        Ok(jobs)
    }

    /// Makes something happen to a job.
    pub async fn event(&self, Job(holding): &Job, message: &str) -> anyhow::Result<()> {
        self.0.run(&Log { holding, level: "INFO", message, timestamp: &now().to_string() }).await?;
        Ok(())
    }
}

/// Nanoseconds since 1970.
pub fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_nanos()).unwrap_or_default()
}
