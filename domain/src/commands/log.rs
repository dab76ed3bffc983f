//! The log store's transitions: an entry from a component, a new generation, and what is too old.

use super::script;
use crate::keys::Keyspace;
use crate::log::{LogKind, LogLevel};
use crate::script::{Arg, Call, Command, Replies, UnexpectedReply};

/// Appends one entry and counts it. Hosts, which have many at a time, send the same as plain commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppendLog<'a> {
    /// Where to.
    pub kind: LogKind,
    /// Its level, for the count.
    pub level: LogLevel,
    /// The entry as JSON.
    pub entry: &'a str,
    /// About how many entries the log keeps.
    pub max_entries: u64,
    /// How long the day's counts are kept, in seconds.
    pub counts_ttl: u64,
}

impl Command for AppendLog<'_> {
    type Reply = ();

    fn call(&self, keys: &Keyspace) -> Call {
        let args: [Arg; 5] = [
            self.kind.name().into(),
            self.level.name().into(),
            self.entry.into(),
            self.max_entries.into(),
            self.counts_ttl.into(),
        ];
        Call::new(script!("append_log"), keys, args)
    }

    fn read(&self, _: Replies) -> Result<(), UnexpectedReply> {
        Ok(())
    }
}

/// Moves the current entries into a generation of their own, named by the time, and drops generations above `keep`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RotateLog {
    /// Which log.
    pub kind: LogKind,
    /// Generations kept.
    pub keep: u32,
}

/// What a rotation did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    /// The new generation's name; empty when there was nothing to move.
    pub generation: String,
    /// Entries moved.
    pub entries: u64,
    /// Generations dropped.
    pub dropped: u64,
}

impl Command for RotateLog {
    type Reply = Rotated;

    fn call(&self, keys: &Keyspace) -> Call {
        Call::new(script!("rotate_log"), keys, [Arg::from(self.kind.name()), self.keep.into()])
    }

    fn read(&self, mut replies: Replies) -> Result<Rotated, UnexpectedReply> {
        Ok(Rotated { generation: replies.text()?, entries: count(&mut replies)?, dropped: count(&mut replies)? })
    }
}

/// Removes (or only counts) the oldest entries of one stream, a bounded number a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrimLog<'a> {
    /// Which log.
    pub kind: LogKind,
    /// A generation's name; empty for the current stream.
    pub generation: &'a str,
    /// Entries that arrived before this time, ms since 1970, are too old.
    pub before_ms: i64,
    /// Entries looked at in one call.
    pub most: u32,
    /// Count instead of removing, from behind this id on; empty for the start.
    pub count_after: Option<&'a str>,
}

/// What a trim did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trimmed {
    /// Entries removed or counted.
    pub entries: u64,
    /// There are others: where to go on counting.
    pub more: Option<String>,
}

impl Command for TrimLog<'_> {
    type Reply = Trimmed;

    fn call(&self, keys: &Keyspace) -> Call {
        let args: [Arg; 6] = [
            self.kind.name().into(),
            self.generation.into(),
            self.before_ms.into(),
            self.most.into(),
            self.count_after.is_some().into(),
            self.count_after.unwrap_or_default().into(),
        ];
        Call::new(script!("trim_log"), keys, args)
    }

    fn read(&self, mut replies: Replies) -> Result<Trimmed, UnexpectedReply> {
        let entries = count(&mut replies)?;
        let more = replies.text()?;
        Ok(Trimmed { entries, more: (!more.is_empty()).then_some(more) })
    }
}

/// Lets go of what is older than the retention, in every log: whole blocks of entries and whole generations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpireLogs {
    /// Entries that arrived before this time, ms since 1970, are too old.
    pub before_ms: i64,
}

impl Command for ExpireLogs {
    /// Entries removed.
    type Reply = u64;

    fn call(&self, keys: &Keyspace) -> Call {
        let names = LogKind::ALL.iter().map(|kind| Arg::from(kind.name()));
        Call::new(script!("expire_logs"), keys, std::iter::once(Arg::from(self.before_ms)).chain(names))
    }

    fn read(&self, mut replies: Replies) -> Result<u64, UnexpectedReply> {
        count(&mut replies)
    }
}

fn count(replies: &mut Replies) -> Result<u64, UnexpectedReply> {
    Ok(u64::try_from(replies.int()?).unwrap_or_default())
}
