//! Names of everything kept in Redis. The scripts spell the same names in Lua (`scripts/prelude.lua`).
//!
//! Growing past one Redis: a cell, which is one deployment of the product, has a prefix with a hash tag (`{p3}:job:…`), so
//! that all its keys share one slot of a Redis Cluster. Without a prefix the names are exactly the seeds'.

use crate::ids::{FileId, JobId};
use crate::log::LogKind;
use crate::queue::Queue;

/// The longest prefix: it stands before every key.
const MAX_PREFIX: usize = 64;

/// Makes the key names of one cell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keyspace {
    prefix: String,
}

impl Keyspace {
    /// The only cell of its Redis: no prefix.
    #[must_use]
    pub fn single() -> Self {
        Self::default()
    }

    /// A cell with the given prefix, `{p3}:`. Empty is no prefix; any other holds exactly one hash tag that is not empty,
    /// ends with a colon, and is written in letters, digits, `-`, `_`, `.` and `:`. `None` when this one is not so.
    #[must_use]
    pub fn with_prefix(prefix: &str) -> Option<Self> {
        let sane = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b));
        let tagged = || {
            let (before, rest) = prefix.split_once('{')?;
            let (tag, after) = rest.split_once('}')?;
            let fits = prefix.len() <= MAX_PREFIX && !tag.is_empty() && after.ends_with(':');
            (fits && [before, tag, after].into_iter().all(sane)).then_some(())
        };
        if !prefix.is_empty() {
            tagged()?;
        }
        Some(Self { prefix: prefix.to_owned() })
    }

    /// What stands before every name.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    fn name(&self, rest: &str) -> String {
        format!("{}{rest}", self.prefix)
    }

    /// A name of the cell under which nothing is ever kept: given to scripts so that a cluster routes them.
    ///
    /// While a slot moves to another node, Redis runs on the old one only what names keys that are still there, so a
    /// script is refused there as a whole and never sees half of a cell.
    #[must_use]
    pub fn anchor(&self) -> String {
        self.name("queue:ring")
    }

    /// Hash: the job.
    #[must_use]
    pub fn job(&self, job: &JobId) -> String {
        self.name(&format!("job:{job}"))
    }

    /// Hash: one file of a job.
    #[must_use]
    pub fn file(&self, job: &JobId, file: &FileId) -> String {
        self.name(&format!("job:{job}:file:{file}"))
    }

    /// Stream: the job's events. Its entry ids are the ids of server-sent events.
    #[must_use]
    pub fn job_events(&self, job: &JobId) -> String {
        self.name(&format!("job:{job}:events"))
    }

    /// Stream: every event of the cell, trimmed; each host follows it once.
    #[must_use]
    pub fn events(&self) -> String {
        self.name("events")
    }

    /// String: SHA-256 of the key that uploaded the job, empty when there was none.
    #[must_use]
    pub fn session(&self, job: &JobId) -> String {
        self.name(&format!("session:{job}"))
    }

    /// Hash: percent per file. Also the name of the channel that a job's events are published on.
    #[must_use]
    pub fn progress(&self, job: &JobId) -> String {
        self.name(&format!("progress:{job}"))
    }

    /// String: the job that a file belongs to.
    #[must_use]
    pub fn job_of_file(&self, file: &FileId) -> String {
        self.name(&format!("file:{file}"))
    }

    /// Sorted set: every job by the time it was made, ms.
    #[must_use]
    pub fn jobs(&self) -> String {
        self.name("jobs")
    }

    /// Sorted set: a tenant's jobs by the time they were made, ms.
    #[must_use]
    pub fn jobs_of(&self, tenant: &str) -> String {
        self.name(&format!("jobs:{tenant}"))
    }

    /// Sorted set: the files that wait in a lane, by since when, ms.
    #[must_use]
    pub fn queue_waiting(&self, lane: Queue) -> String {
        self.name(&format!("queue:waiting:{}", lane.as_str()))
    }

    /// Hash: queue → since when it is paused, ms.
    #[must_use]
    pub fn queue_paused(&self) -> String {
        self.name("queue:paused")
    }

    /// Sorted set: running files by the time their lease ends, ms.
    #[must_use]
    pub fn queue_running(&self) -> String {
        self.name("queue:running")
    }

    /// Sorted set: files to be tried again, by when, ms.
    #[must_use]
    pub fn queue_delayed(&self) -> String {
        self.name("queue:delayed")
    }

    /// Hash: tenants at whose files workers are → how many.
    #[must_use]
    pub fn queue_running_by_tenant(&self) -> String {
        self.name("queue:running_by_tenant")
    }

    /// Set: running files that will submit a request and have not announced it yet.
    #[must_use]
    pub fn queue_unsent(&self) -> String {
        self.name("queue:unsent")
    }

    /// Sorted set: one tenant's files in a lane, in the order they are taken.
    #[must_use]
    pub fn queue_line(&self, lane: Queue, tenant: &str) -> String {
        self.name(&format!("queue:line:{}:{tenant}", lane.as_str()))
    }

    /// Sorted set: the tenants that wait in a lane, by virtual time.
    #[must_use]
    pub fn queue_ring(&self, lane: Queue) -> String {
        self.name(&format!("queue:ring:{}", lane.as_str()))
    }

    /// Sorted set: requests at the provider that no file has a use for, by when they are to be cancelled, ms.
    #[must_use]
    pub fn queue_orphans(&self) -> String {
        self.name("queue:orphans")
    }

    /// Hash: tenant → what its generations cost so far, in millionths of a dollar.
    #[must_use]
    pub fn costs(&self) -> String {
        self.name("costs")
    }

    /// Stream: files that failed for good.
    #[must_use]
    pub fn queue_dead(&self) -> String {
        self.name("queue:dead")
    }

    /// Sorted set: blobs that nothing needs any more, by when they are to be removed, ms (`remove_blobs` in the prelude).
    #[must_use]
    pub fn blobs_to_remove(&self) -> String {
        self.name("blobs:remove")
    }

    /// String: what the folders bear whose blobs belong to the jobs here.
    #[must_use]
    pub fn blobs_mark(&self) -> String {
        self.name("blobs:mark")
    }

    /// Sorted set: webhook deliveries by when they are due, ms.
    #[must_use]
    pub fn webhooks_due(&self) -> String {
        self.name("webhooks:due")
    }

    /// Hash: one webhook delivery.
    #[must_use]
    pub fn webhook(&self, delivery: &str) -> String {
        self.name(&format!("webhook:{delivery}"))
    }

    /// Sorted set: ids of issued API keys by when they were issued, ms.
    #[must_use]
    pub fn api_keys(&self) -> String {
        self.name("api_keys")
    }

    /// Hash: what is kept of the API key with this SHA-256 in hex.
    #[must_use]
    pub fn api_key(&self, hash: &str) -> String {
        self.name(&format!("api_key:{hash}"))
    }

    /// Hash: id of an API key → its SHA-256 in hex.
    #[must_use]
    pub fn api_key_hashes(&self) -> String {
        self.name("api_key_hashes")
    }

    /// Hash: what happened so far, counted (`scripts/prelude.lua`, `tally`).
    #[must_use]
    pub fn counters(&self) -> String {
        self.name("counters")
    }

    /// String with a TTL: what FAL's request history was seen to show.
    #[must_use]
    pub fn fal_history(&self) -> String {
        self.name("fal:history")
    }

    /// Hash: provider id → description as JSON, written by workers when they start.
    #[must_use]
    pub fn providers(&self) -> String {
        self.name("providers")
    }

    /// String with a TTL: a worker's last sign of life, as JSON.
    #[must_use]
    pub fn worker(&self, id: &str) -> String {
        self.name(&format!("worker:{id}"))
    }

    /// Sorted set: workers by when their sign of life runs out, ms.
    #[must_use]
    pub fn workers(&self) -> String {
        self.name("workers")
    }

    /// String with a TTL: a host process's last sign of life, as JSON.
    #[must_use]
    pub fn host(&self, id: &str) -> String {
        self.name(&format!("host:{id}"))
    }

    /// Sorted set: host processes by when their sign of life runs out, ms.
    #[must_use]
    pub fn hosts(&self) -> String {
        self.name("hosts")
    }

    /// Hash: component id → its releases in the fleet, as JSON.
    #[must_use]
    pub fn components(&self) -> String {
        self.name("components")
    }

    /// Number: how often any component's record was written.
    #[must_use]
    pub fn component_changes(&self) -> String {
        self.name("components:changes")
    }

    /// String: the bytes of an uploaded component, by their digest (`sha256:…`).
    #[must_use]
    pub fn component(&self, digest: &str) -> String {
        self.name(&format!("component:{digest}"))
    }

    /// Hash: a key-value store that components open by this name (`spin:key-value`).
    #[must_use]
    pub fn key_value(&self, store: &str) -> String {
        self.name(&format!("key_value:{store}"))
    }

    /// Stream: the current entries of a log.
    #[must_use]
    pub fn log(&self, kind: LogKind) -> String {
        self.name(&format!("logs:{}", kind.name()))
    }

    /// Stream: entries that were rotated out, by the generation's name.
    #[must_use]
    pub fn log_generation(&self, kind: LogKind, generation: &str) -> String {
        self.name(&format!("logs:{}:{generation}", kind.name()))
    }

    /// Sorted set: a log's generations by when they were closed, ms.
    #[must_use]
    pub fn log_generations(&self, kind: LogKind) -> String {
        self.name(&format!("logs:{}:generations", kind.name()))
    }

    /// Hash: how much was logged on a day (`2026-11-20`, UTC): `{hour}:{log}:{level}` → entries, and the like.
    #[must_use]
    pub fn log_day(&self, date: &str) -> String {
        self.name(&format!("logs:day:{date}"))
    }

    /// String with a TTL: how a host's log writer is, as JSON.
    #[must_use]
    pub fn log_writer(&self, id: &str) -> String {
        self.name(&format!("logs:writer:{id}"))
    }

    /// Sorted set: log writers by when their sign of life runs out, ms.
    #[must_use]
    pub fn log_writers(&self) -> String {
        self.name("logs:writers")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_prefix_the_names_are_the_seeds() {
        let job = JobId::from_random([1; 16]);
        let keys = Keyspace::single();
        assert_eq!(keys.job(&job), format!("job:{job}"));
        assert_eq!(keys.session(&job), format!("session:{job}"));
        assert_eq!(Keyspace::with_prefix(""), Some(keys));
        let cell = Keyspace::with_prefix("{p3}:").unwrap();
        assert_eq!(cell.progress(&job), format!("{{p3}}:progress:{job}"));
    }

    #[test]
    fn a_prefix_has_one_hash_tag_and_ends_with_a_colon() {
        for good in ["{p1}:", "i2m:{eu-1}:", "{a.b}_x:"] {
            assert!(Keyspace::with_prefix(good).is_some(), "{good}");
        }
        let long = format!("{{{}}}:", "x".repeat(MAX_PREFIX));
        for bad in ["p1:", "{p1}", "{}:", "{a}{b}:", "{{a}}:", "}a{:", "{a:", "{a b}:", "{ä}:", " {a}:", "*{a}:", &long]
        {
            assert_eq!(Keyspace::with_prefix(bad), None, "{bad}");
        }
    }
}
