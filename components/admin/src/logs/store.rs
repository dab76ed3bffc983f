//! Reading the logs' streams, a page at a time, over all generations of a log.
//!
//! The ids of entries grow with time over the generations of a log as well, so an id is a place in the whole log.

use std::collections::VecDeque;
use std::fmt;

use image2model_domain::log::{LogEntry, LogKind};
use image2model_domain::script::Value;
use image2model_domain::time::rfc3339;
use image2model_kit::redis::{self, RedisError};
use serde_json::{Value as Json, json};

use super::ask::Span;

/// An entry's id: the time it arrived, ms, and a number among those of that time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct EntryId {
    pub(super) ms: u64,
    pub(super) seq: u64,
}

impl EntryId {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (ms, seq) = text.split_once('-')?;
        Some(Self { ms: ms.parse().ok()?, seq: seq.parse().ok()? })
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

/// An entry as it came, not read yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Raw {
    pub(super) id: EntryId,
    pub(super) kind: LogKind,
    pub(super) json: String,
}

/// An entry.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stored {
    pub(super) id: EntryId,
    pub(super) kind: LogKind,
    pub(super) entry: LogEntry,
}

impl Raw {
    pub(super) fn read(&self) -> Option<Stored> {
        Some(Stored { id: self.id, kind: self.kind, entry: LogEntry::parse(&self.json)? })
    }
}

impl Stored {
    /// As answers show it.
    pub(super) fn shown(&self) -> Json {
        let mut shown = json!(self.entry);
        if let Json::Object(shown) = &mut shown {
            shown.insert("id".to_owned(), self.id.to_string().into());
            shown.insert("type".to_owned(), self.kind.name().into());
            shown.insert("time".to_owned(), rfc3339(self.entry.time).into());
        }
        shown
    }
}

/// A reply of `XRANGE`, flattened: id, name of the field, entry, over and over.
fn entries(kind: LogKind, reply: &[Value]) -> Vec<Raw> {
    let text = |value: &Value| match value {
        Value::Bytes(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        _ => None,
    };
    let read = |three: &[Value]| match three {
        [id, _, json] => Some(Raw { id: EntryId::parse(&text(id)?)?, kind, json: text(json)? }),
        _ => None,
    };
    reply.chunks_exact(3).filter_map(read).collect()
}

/// The names of a log's generations, oldest first.
pub(super) async fn generations(kind: LogKind) -> Result<Vec<String>, RedisError> {
    redis::texts("ZRANGE", &[&redis::keys().await?.log_generations(kind), "0", "-1"]).await
}

/// The streams of a log, oldest first; the last is the current one.
async fn streams(kind: LogKind) -> Result<VecDeque<String>, RedisError> {
    let keys = redis::keys().await?;
    let mut streams: VecDeque<String> =
        generations(kind).await?.iter().map(|name| keys.log_generation(kind, name)).collect();
    streams.push_back(keys.log(kind));
    Ok(streams)
}

/// Goes through one log in one direction.
#[derive(Debug)]
pub(super) struct Walk {
    kind: LogKind,
    streams: VecDeque<String>,
    newest_first: bool,
    from: String,
    to: String,
}

impl Walk {
    /// From the newest entry of the span to its oldest.
    pub(super) async fn backwards(kind: LogKind, span: Span) -> Result<Self, RedisError> {
        Self::new(kind, span, true).await
    }

    /// From the oldest entry of the span to its newest.
    pub(super) async fn forwards(kind: LogKind, span: Span) -> Result<Self, RedisError> {
        Self::new(kind, span, false).await
    }

    async fn new(kind: LogKind, span: Span, newest_first: bool) -> Result<Self, RedisError> {
        let to = if span.to == i64::MAX { "+".to_owned() } else { format!("({}-0", span.to) };
        let from = span.from.max(0);
        // Nothing lies in a span that ends before it begins, and Redis refuses to be asked for it.
        let streams = if span.to > from { streams(kind).await? } else { VecDeque::new() };
        Ok(Self { kind, streams, newest_first, from: format!("{from}-0"), to })
    }

    /// Begins below this id instead; the id itself counts when `inclusive`.
    pub(super) fn below(mut self, id: EntryId, inclusive: bool) -> Self {
        if !inclusive && (id.ms, id.seq) == (0, 0) {
            // Redis takes it for a mistake to ask for what is before everything.
            self.streams.clear();
        }
        self.to = if inclusive { id.to_string() } else { format!("({id}") };
        self
    }

    /// Nothing is left.
    pub(super) fn is_over(&self) -> bool {
        self.streams.is_empty()
    }

    /// The next entries, at most `count`; it may be fewer, or none, before the end.
    pub(super) async fn page(&mut self, count: usize) -> Result<Vec<Raw>, RedisError> {
        let stream = if self.newest_first { self.streams.back() } else { self.streams.front() };
        let Some(stream) = stream else { return Ok(vec![]) };
        let most = count.to_string();
        let reply = if self.newest_first {
            redis::execute("XREVRANGE", &[stream, &self.to, &self.from, "COUNT", &most]).await?
        } else {
            redis::execute("XRANGE", &[stream, &self.from, &self.to, "COUNT", &most]).await?
        };
        let page = entries(self.kind, &reply);
        match page.last() {
            Some(last) if page.len() == count && self.newest_first => self.to = format!("({}", last.id),
            Some(last) if page.len() == count => self.from = format!("({}", last.id),
            _ if self.newest_first => drop(self.streams.pop_back()),
            _ => drop(self.streams.pop_front()),
        }
        Ok(page)
    }
}

/// The oldest and the newest entry's arrival in one stream.
pub(super) async fn ends(stream: &str) -> Result<Option<(EntryId, EntryId)>, RedisError> {
    let id = |reply: Vec<String>| reply.first().and_then(|id| EntryId::parse(id));
    let first = id(redis::texts("XRANGE", &[stream, "-", "+", "COUNT", "1"]).await?);
    let last = id(redis::texts("XREVRANGE", &[stream, "+", "-", "COUNT", "1"]).await?);
    Ok(first.zip(last))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use image2model_domain::log::LogLevel;

    /// An entry to try things on.
    pub(in crate::logs) fn stored(kind: LogKind, level: LogLevel, message: &str, fields: &[(&str, Json)]) -> Stored {
        let mut entry = LogEntry::new(1000, level, "t", message);
        entry.fields = fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        Stored { id: EntryId { ms: 1000, seq: 0 }, kind, entry }
    }

    #[test]
    fn reads_a_flattened_reply() {
        let text = |text: &str| Value::Bytes(text.as_bytes().to_vec());
        let reply = [text("5-1"), text("entry"), text("{}"), text("7-0"), text("entry"), text("x"), text("8-0")];
        let read = entries(LogKind::App, &reply);
        assert_eq!(read.iter().map(|raw| raw.id.to_string()).collect::<Vec<_>>(), ["5-1", "7-0"]);
        assert!(read[0].read().is_none());
    }

    #[test]
    fn shows_an_entry_with_its_place() {
        let shown = stored(LogKind::Error, LogLevel::Error, "m", &[("n", 1.into())]).shown();
        assert_eq!(
            (&shown["id"], &shown["type"], &shown["time"]),
            (&"1000-0".into(), &"error".into(), &"1970-01-01T00:00:01.000Z".into())
        );
        assert_eq!((&shown["level"], &shown["fields"]["n"]), (&"ERROR".into(), &1.into()));
    }

    #[test]
    fn ids_are_ordered_by_number() {
        let id = |text: &str| EntryId::parse(text).unwrap();
        assert!(id("9-0") < id("10-0") && id("10-9") < id("10-10"));
        assert!(EntryId::parse("10").is_none() && EntryId::parse("x-1").is_none());
    }
}
