//! A job's shared links: how often they were withdrawn, which every token of theirs names.

use super::script;
use crate::ids::JobId;
use crate::keys::Keyspace;
use crate::script::{Arg, Call, Command, Replies, UnexpectedReply};

/// How often the job's links were withdrawn; `None` when there is no such job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountLinks<'a>(pub &'a JobId);

/// Withdraws every link that was made so far, and counts that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WithdrawLinks<'a>(pub &'a JobId);

impl Command for CountLinks<'_> {
    type Reply = Option<u64>;

    fn call(&self, keys: &Keyspace) -> Call {
        Call::new(script!("links"), keys, [Arg::from(self.0.as_str()), false.into()])
    }

    fn read(&self, replies: Replies) -> Result<Option<u64>, UnexpectedReply> {
        withdrawn(replies)
    }
}

impl Command for WithdrawLinks<'_> {
    type Reply = Option<u64>;

    fn call(&self, keys: &Keyspace) -> Call {
        Call::new(script!("links"), keys, [Arg::from(self.0.as_str()), true.into()])
    }

    fn read(&self, replies: Replies) -> Result<Option<u64>, UnexpectedReply> {
        withdrawn(replies)
    }
}

fn withdrawn(mut replies: Replies) -> Result<Option<u64>, UnexpectedReply> {
    let known = replies.int()? == 1;
    let count = u64::try_from(replies.int()?).unwrap_or_default();
    Ok(known.then_some(count))
}
