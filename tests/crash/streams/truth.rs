//! What really stood in the jobs' streams: what is there at the end, what was trimmed before, and what a Redis that died had
//! told nobody else.

use std::collections::{BTreeMap, HashMap};

use image2model_tests::redis::Redis;
use serde_json::Value;

/// Place of an entry in a stream.
pub type Id = (u64, u64);
/// Entries of one job by their places.
pub type Entries = BTreeMap<Id, Value>;

/// Reads `<ms>-<seq>`.
pub fn id(text: &str) -> Option<Id> {
    let (ms, seq) = text.split_once('-')?;
    Some((ms.parse().ok()?, seq.parse().ok()?))
}

/// By job.
#[derive(Debug, Default)]
pub struct Truth {
    kept: HashMap<String, Entries>,
    lost: HashMap<String, Entries>,
}

impl Truth {
    pub fn jobs(&self) -> usize {
        self.kept.len()
    }

    /// Every entry that stood in a job's stream and was not lost with a Redis.
    pub fn kept(&self, job: &str) -> Entries {
        self.kept.get(job).cloned().unwrap_or_default()
    }

    /// Whether an entry was lost.
    pub fn was_lost(&self, job: &str, id: Id) -> bool {
        self.lost.get(job).is_some_and(|entries| entries.contains_key(&id))
    }

    /// Adds what stands in a job's stream.
    pub async fn look(&mut self, redis: &Redis, job: &str) {
        let found = entries(redis, job).await;
        self.kept.entry(job.to_owned()).or_default().extend(found);
    }

    /// Notes what one Redis has and the one that takes its place has not.
    pub async fn lose(&mut self, jobs: &[String], dying: &Redis, heir: &Redis) {
        for job in jobs {
            let (had, has) = (entries(dying, job).await, entries(heir, job).await);
            let newest = has.keys().next_back().copied().unwrap_or_default();
            let lost = had.into_iter().filter(|(id, _)| *id > newest);
            self.lost.entry(job.clone()).or_default().extend(lost);
        }
    }
}

async fn entries(redis: &Redis, job: &str) -> Entries {
    let raw: Vec<(String, HashMap<String, String>)> = redis.ask(&format!("XRANGE job:{job}:events - +")).await.unwrap();
    let read = |(place, fields): (String, HashMap<String, String>)| {
        (id(&place).unwrap(), serde_json::from_str(&fields["data"]).unwrap())
    };
    raw.into_iter().map(read).collect()
}
