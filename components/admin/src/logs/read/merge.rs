//! Several logs in one line, newest first. Entries that arrived in the same moment follow the order of the logs.

use std::collections::VecDeque;
use std::fmt;

use image2model_domain::log::LogKind;
use image2model_kit::redis::RedisError;

use crate::logs::ask::Span;
use crate::logs::store::{EntryId, Raw, Walk};

/// The place of an entry among those of all logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) id: EntryId,
    pub(super) kind: LogKind,
}

impl Cursor {
    /// Reads `1795171581123-0.access`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (id, kind) = text.split_once('.')?;
        Some(Self { id: EntryId::parse(id)?, kind: LogKind::parse(kind)? })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.id, self.kind.name())
    }
}

/// One log, and what was read ahead of it.
struct Line {
    walk: Walk,
    ahead: VecDeque<Raw>,
}

/// All lines together.
pub(super) struct Merge {
    lines: Vec<Line>,
    page: usize,
}

impl Merge {
    /// Begins behind the cursor.
    pub(super) async fn new(
        kinds: &[LogKind],
        span: Span,
        cursor: Option<Cursor>,
        page: usize,
    ) -> Result<Self, RedisError> {
        let mut lines = Vec::with_capacity(kinds.len());
        for kind in kinds {
            let mut walk = Walk::backwards(*kind, span).await?;
            if let Some(cursor) = cursor {
                // At the cursor's moment the logs behind its own have not been looked at.
                walk = walk.below(cursor.id, *kind > cursor.kind);
            }
            lines.push(Line { walk, ahead: VecDeque::new() });
        }
        Ok(Self { lines, page })
    }

    /// The next entry.
    pub(super) async fn next(&mut self) -> Result<Option<Raw>, RedisError> {
        for line in &mut self.lines {
            while line.ahead.is_empty() && !line.walk.is_over() {
                line.ahead.extend(line.walk.page(self.page).await?);
            }
        }
        let place = |line: &Line| line.ahead.front().map(|raw| (raw.id, std::cmp::Reverse(raw.kind)));
        let newest = self.lines.iter_mut().max_by_key(|line| place(line));
        Ok(newest.and_then(|line| line.ahead.pop_front()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_is_written() {
        let cursor = Cursor { id: EntryId { ms: 5, seq: 1 }, kind: LogKind::Worker };
        assert_eq!(Cursor::parse(&cursor.to_string()), Some(cursor));
        for bad in ["", "5-1", "5-1.nothing", "x.app"] {
            assert_eq!(Cursor::parse(bad), None, "{bad}");
        }
    }
}
