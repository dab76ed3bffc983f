//! A worker asks for files.

use super::breaker::BreakerKind;
use super::script;
use super::step::Holding;
use crate::ids::{FileId, JobId};
use crate::keys::Keyspace;
use crate::script::{Arg, Call, Command, Replies, UnexpectedReply};

/// Asks for waiting files, within every limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The worker's id.
    pub worker: String,
    /// How long it may hold a file without a sign of life.
    pub lease_ms: u32,
    /// Files running at once, over all workers.
    pub max_running: u32,
    /// Files of one tenant running at once, unless it has terms of its own ([`SetTenant`](super::SetTenant)).
    pub max_running_per_tenant: u32,
    /// Submits per window, over all workers: looked at here, spent by [`Intend`](super::Intend).
    pub window_size: u32,
    /// Length of that window.
    pub window_ms: u32,
    /// Files wanted. With 0, leases that ran out are taken back and retries that are due come to their lines all the same.
    pub wanted: u32,
}

/// A file the worker now holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedFile {
    /// What to present with every step.
    pub holding: Holding,
    /// How often a worker lost it before.
    pub lost_leases: u32,
}

/// The reply to [`Claim`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// When it is worth asking again without being woken.
    pub wait_ms: u64,
    /// Redis' clock, ms since 1970: what every time in a record is measured by.
    pub now_ms: i64,
    /// What holds submits back and for how long still, ms; 0 while one file is let through at a time.
    pub breaker: Option<(BreakerKind, u64)>,
    /// At most as many as were wanted.
    pub files: Vec<ClaimedFile>,
}

impl Command for Claim {
    type Reply = Claimed;

    fn call(&self, keys: &Keyspace) -> Call {
        let numbers = [
            self.lease_ms,
            self.max_running,
            self.max_running_per_tenant,
            self.window_size,
            self.window_ms,
            self.wanted,
        ];
        Call::new(
            script!("claim", [queue, ending]),
            keys,
            std::iter::once(Arg::from(&self.worker)).chain(numbers.map(Arg::from)),
        )
    }

    fn read(&self, mut replies: Replies) -> Result<Claimed, UnexpectedReply> {
        let wait_ms = u64::try_from(replies.int()?).unwrap_or_default();
        let now_ms = replies.int()?;
        let kind = BreakerKind::parse(&replies.text()?);
        let left_ms = u64::try_from(replies.int()?).unwrap_or_default();
        let mut files = Vec::new();
        while !replies.is_empty() {
            let (job, file, fence) = (replies.text()?, replies.text()?, replies.text()?);
            let lost_leases = u32::try_from(replies.int()?).unwrap_or_default();
            let job = JobId::parse(&job).map_err(|_| replies.unexpected("a job id was expected"))?;
            let file = FileId::parse(&file).map_err(|_| replies.unexpected("a file id was expected"))?;
            files.push(ClaimedFile { holding: Holding { job, file, fence }, lost_leases });
        }
        Ok(Claimed { wait_ms, now_ms, breaker: kind.map(|kind| (kind, left_ms)), files })
    }
}
