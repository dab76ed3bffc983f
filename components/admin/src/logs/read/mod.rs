//! `GET /logs`: entries, newest first, of one log or of all in one line, narrowed by what is asked for.
//!
//! A call looks at a bounded number of entries. `next_cursor` goes on where it stopped, also when nothing was found so far.

mod filter;
mod merge;

use image2model_kit::{Context, Failure, Reply, clock, reply};
use serde_json::{Value, json};

use super::ask;
use filter::Filter;
use merge::{Cursor, Merge};

/// Entries in an answer, when nothing is said.
const USUAL: u32 = 100;
/// Entries in an answer.
const MOST: u32 = 500;
/// Entries looked at for an answer.
const LOOKED_AT: usize = 10_000;
/// A call takes no longer than this, ms.
const PATIENCE_MS: i64 = 5_000;

/// Answers a page.
pub(crate) async fn list(context: Context) -> Result<Reply, Failure> {
    let query = &context.query;
    let kinds = ask::kinds(query.get("type"))?;
    let filter = Filter::of(query)?;
    let span = ask::span(query.get("from"), query.get("to"))?;
    let limit = ask::number(query, "limit", 1, MOST)?.unwrap_or(USUAL) as usize;
    let read = |text| Cursor::parse(text).ok_or_else(|| ask::wrong("cursor", "the next_cursor of an answer"));
    let cursor = query.get("cursor").map(read).transpose()?;

    let page = if filter.is_empty() { limit.min(100) } else { 500 };
    let mut merge = Merge::new(&kinds, span, cursor, page).await?;
    let deadline = clock::now_ms() + PATIENCE_MS;
    let (mut found, mut looked_at, mut last) = (Vec::<Value>::new(), 0, cursor);
    while found.len() < limit && looked_at < LOOKED_AT && clock::now_ms() < deadline {
        let Some(raw) = merge.next().await? else {
            last = None;
            break;
        };
        looked_at += 1;
        last = Some(Cursor { id: raw.id, kind: raw.kind });
        if let Some(entry) = filter.take(&raw) {
            found.push(entry.shown());
        }
    }
    let body = json!({
        "count": found.len(),
        "entries": found,
        "looked_at": looked_at,
        "next_cursor": last.map(|cursor| cursor.to_string()),
    });
    reply::json(200, &body)
}
