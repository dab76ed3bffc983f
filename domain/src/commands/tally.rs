//! Counting what hosts did, for the metrics.

use super::script;
use crate::keys::Keyspace;
use crate::script::{Arg, Call, Command, Replies, UnexpectedReply};

/// Adds to the [`Counters`](crate::counters::Counters): names, and by how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally<'a>(pub &'a [(&'a str, u64)]);

impl Command for Tally<'_> {
    type Reply = ();

    fn call(&self, keys: &Keyspace) -> Call {
        let args = self.0.iter().flat_map(|(name, by)| [Arg::from(*name), Arg::from(*by)]);
        Call::new(script!("tally"), keys, args)
    }

    fn read(&self, _: Replies) -> Result<(), UnexpectedReply> {
        Ok(())
    }
}
