//! The bounds of the streams: how many, how long, how far behind.

use std::ops::RangeInclusive;
use std::time::Duration;

/// What a stream server allows and promises.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Streams at a time.
    pub total: usize,
    /// Streams at a time of one key.
    pub per_key: usize,
    /// Streams at a time of one client address, for callers without a key.
    pub per_address: usize,
    /// Streams at a time of one job.
    pub per_job: usize,
    /// Reads of Redis at a time, for connecting and for catching up.
    pub reads: usize,
    /// Threads that hold streams which wait; with none, each costs what a request in work costs.
    pub reactors: usize,
    /// Longest silence; at most 15 s.
    pub heartbeat: Duration,
    /// The same where there is no job: nothing else comes, and the original's clients read for ten seconds.
    pub heartbeat_of_no_job: Duration,
    /// After so long, give or take a fifth, the client is sent to connect again: it is authorised anew, and connections
    /// spread over hosts.
    pub max_age: Duration,
    /// A client that takes nothing for so long is closed.
    pub stall: Duration,
    /// What the system may hold for one client that takes nothing, bytes. Left alone, it grows to megabytes.
    pub send_buffer: usize,
    /// A client that is behind by so much gets each file's latest progress only.
    pub lagging: Duration,
    /// What clients are told to wait before they connect again, milliseconds.
    pub retry_ms: RangeInclusive<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            total: 10_000,
            per_key: 1_000,
            per_address: 100,
            per_job: 1_000,
            reads: 64,
            reactors: 2,
            heartbeat: Duration::from_secs(12),
            heartbeat_of_no_job: Duration::from_secs(5),
            max_age: Duration::from_secs(600),
            stall: Duration::from_secs(10),
            send_buffer: 96 * 1024,
            lagging: Duration::from_secs(1),
            retry_ms: 2_000..=5_000,
        }
    }
}

impl Limits {
    /// A reconnection hint, different for each client.
    #[must_use]
    pub fn retry(&self) -> u64 {
        rand::random_range(self.retry_ms.clone())
    }

    /// Longest silence of a stream, of a job or of none.
    #[must_use]
    pub fn heartbeat_of(&self, a_job: bool) -> Duration {
        if a_job { self.heartbeat } else { self.heartbeat.min(self.heartbeat_of_no_job) }
    }

    /// How long one connection may last: `max_age` give or take a fifth.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.max_age.mul_f64(rand::random_range(0.8..=1.2))
    }
}
