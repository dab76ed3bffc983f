//! Where a listener stands in a job's stream, and how that is written as the id of a server-sent event.
//!
//! `<epoch>-<ms>-<seq>` says that the entry `<ms>-<seq>` has arrived whole. `….2` says that two of the several events made
//! of it have; `….s2` that two events of a snapshot taken at that entry have. So a drop between any two events loses nothing.

use std::fmt;

/// Longer texts are no ids of ours.
const MAX_LENGTH: usize = 160;

/// Id of an entry in a Redis stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId {
    /// Milliseconds since 1970.
    pub ms: u64,
    /// Counts within the millisecond.
    pub seq: u64,
}

impl EntryId {
    /// Before every entry.
    pub const ZERO: Self = Self { ms: 0, seq: 0 };

    /// Reads `<ms>-<seq>`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (ms, seq) = text.split_once('-')?;
        Some(Self { ms: number(ms)?, seq: number(seq)? })
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

/// How much has arrived of what stands at an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Whole,
    /// So many of the events that the entry becomes.
    Events(usize),
    /// So many events of a snapshot, and not yet its last.
    Snapshot(usize),
}

/// A place in a job's stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The entry.
    pub id: EntryId,
    /// How much of it.
    pub part: Part,
}

impl Position {
    /// After the whole of an entry.
    #[must_use]
    pub const fn whole(id: EntryId) -> Self {
        Self { id, part: Part::Whole }
    }
}

/// A place in the stream of one epoch: the id of a server-sent event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventId<'a> {
    /// Tells the job's stream from any other.
    pub epoch: &'a str,
    /// The place.
    pub position: Position,
}

impl<'a> EventId<'a> {
    /// Reads what a client sent back; `None` when it is not one of ours.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        if text.len() > MAX_LENGTH {
            return None;
        }
        let mut parts = text.rsplitn(3, '-');
        let (tail, ms, epoch) = (parts.next()?, parts.next()?, parts.next()?);
        let (seq, part) = match tail.split_once('.') {
            None => (tail, Part::Whole),
            Some((seq, part)) => (seq, parse_part(part)?),
        };
        let id = EntryId { ms: number(ms)?, seq: number(seq)? };
        Some(Self { epoch, position: Position { id, part } })
    }
}

impl fmt::Display for EventId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.position.id)?;
        match self.position.part {
            Part::Whole => Ok(()),
            Part::Events(n) => write!(f, ".{n}"),
            Part::Snapshot(n) => write!(f, ".s{n}"),
        }
    }
}

fn parse_part(text: &str) -> Option<Part> {
    let count = |digits: &str| number(digits).and_then(|n| usize::try_from(n).ok());
    match text.strip_prefix('s') {
        Some(digits) => count(digits).map(Part::Snapshot),
        None => count(text).map(Part::Events),
    }
}

/// Digits only: `u64::from_str` would take a sign.
fn number(digits: &str) -> Option<u64> {
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_they_are_written() {
        let id = EntryId { ms: 1_795_171_581_123, seq: 7 };
        for part in [Part::Whole, Part::Events(1), Part::Snapshot(12)] {
            let event = EventId { epoch: "a1-b2", position: Position { id, part } };
            assert_eq!(EventId::parse(&event.to_string()), Some(event));
        }
        assert_eq!(EventId { epoch: "e", position: Position::whole(id) }.to_string(), "e-1795171581123-7");
    }

    #[test]
    fn everything_else_is_no_id() {
        let long = format!("{}-1-1", "e".repeat(200));
        for text in ["", "e", "1-1", "e-1", "e-1-x", "e-+1-1", "e-1-1.", "e-1-1.s", "e-1-1.t1", "e-1--1", &long] {
            assert_eq!(EventId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn entries_compare_as_numbers() {
        assert!(EntryId::parse("9-0") < EntryId::parse("10-0"));
        assert!(EntryId::parse("10-9") < EntryId::parse("10-10"));
        assert_eq!(EntryId::parse("10"), None);
    }
}
