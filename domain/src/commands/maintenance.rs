//! The clearing away that comes due by itself: one process does a piece of it at a time, none while its queue is paused.

use super::script;
use crate::keys::Keyspace;
use crate::script::{Arg, Call, Command, Replies, UnexpectedReply};

/// Asks whether to do a piece of clearing away now. Asked again by the one that does it, it extends the lease; of one that
/// died, its lease once run out, another takes over at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakeMaintenance<'a> {
    /// Who asks.
    pub worker: &'a str,
    /// The piece.
    pub task: &'a str,
    /// It is due this often.
    pub every_ms: u32,
    /// How long it may be at it without asking again.
    pub lease_ms: u32,
}

/// The reply to [`TakeMaintenance`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maintenance {
    /// Do it, and say when it is done ([`FinishMaintenance`]).
    Run,
    /// Not before this many ms: somebody is at it, or it is not due.
    Wait(u64),
    /// The queue is paused.
    Paused,
}

impl Command for TakeMaintenance<'_> {
    type Reply = Maintenance;

    fn call(&self, keys: &Keyspace) -> Call {
        let args = [Arg::from(self.worker), self.task.into(), self.every_ms.into(), self.lease_ms.into()];
        Call::new(script!("take_maintenance"), keys, args)
    }

    fn read(&self, mut replies: Replies) -> Result<Maintenance, UnexpectedReply> {
        match replies.text()?.as_str() {
            "run" => Ok(Maintenance::Run),
            "wait" => Ok(Maintenance::Wait(u64::try_from(replies.int()?).unwrap_or_default())),
            "paused" => Ok(Maintenance::Paused),
            other => Err(replies.unexpected(format!("unknown answer {other:?}"))),
        }
    }
}

/// The piece is done. Answers whether this worker still had it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinishMaintenance<'a> {
    /// Who did it.
    pub worker: &'a str,
    /// The piece.
    pub task: &'a str,
}

impl Command for FinishMaintenance<'_> {
    type Reply = bool;

    fn call(&self, keys: &Keyspace) -> Call {
        Call::new(script!("finish_maintenance"), keys, [Arg::from(self.worker), self.task.into()])
    }

    fn read(&self, mut replies: Replies) -> Result<bool, UnexpectedReply> {
        Ok(replies.int()? == 1)
    }
}
