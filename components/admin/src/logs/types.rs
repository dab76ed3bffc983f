//! `GET /logs/types`: the logs there are, and how much stands in each.

use image2model_domain::log::LogKind;
use image2model_domain::time::rfc3339;
use image2model_kit::redis::{self, RedisError};
use image2model_kit::{Context, Failure, Reply, reply};
use serde_json::{Value, json};

use super::store::{EntryId, ends, generations};

/// How much one stream holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) entries: u64,
    /// Memory of Redis, estimated by Redis.
    pub(super) bytes: u64,
}

/// Lists them.
pub(crate) async fn list(_: Context) -> Result<Reply, Failure> {
    let mut types = Vec::new();
    for kind in LogKind::ALL {
        types.push(describe(*kind).await?);
    }
    // The original's list of names.
    let names: Vec<&str> = LogKind::ALL.iter().map(|kind| kind.name()).collect();
    reply::json(200, &json!({ "types": types, "log_types": names, "total": types.len() }))
}

/// All there is: how many streams stand in for the original's files, and what they hold.
pub(super) async fn all() -> Result<(usize, Size), RedisError> {
    let keys = redis::keys().await?;
    let (mut files, mut sum) = (0, Size::default());
    for kind in LogKind::ALL {
        let mut streams = vec![keys.log(*kind)];
        streams.extend(generations(*kind).await?.iter().map(|name| keys.log_generation(*kind, name)));
        for stream in streams {
            let size = size(&stream).await?;
            files += usize::from(size.entries > 0);
            (sum.entries, sum.bytes) = (sum.entries + size.entries, sum.bytes + size.bytes);
        }
    }
    Ok((files, sum))
}

async fn describe(kind: LogKind) -> Result<Value, RedisError> {
    let keys = redis::keys().await?;
    let mut rotated = Vec::new();
    let (mut all, mut first) = (Size::default(), None);
    for name in generations(kind).await? {
        let stream = keys.log_generation(kind, &name);
        let (size, ends) = (size(&stream).await?, ends(&stream).await?);
        (all.entries, all.bytes) = (all.entries + size.entries, all.bytes + size.bytes);
        first = first.or(ends.map(|(first, _)| first));
        rotated.push(json!({
            "generation": name, "count": size.entries, "bytes": size.bytes,
            "first": time(ends.map(|(first, _)| first)), "last": time(ends.map(|(_, last)| last)),
        }));
    }
    let stream = keys.log(kind);
    let (current, ends) = (size(&stream).await?, ends(&stream).await?);
    Ok(json!({
        "type": kind.name(),
        "description": kind.about(),
        "count": all.entries + current.entries,
        "bytes": all.bytes + current.bytes,
        "first": time(first.or(ends.map(|(first, _)| first))),
        "last": time(ends.map(|(_, last)| last)),
        "current": { "count": current.entries, "bytes": current.bytes },
        "generations": rotated,
    }))
}

/// The size of one stream; nothing when there is no such stream.
pub(super) async fn size(stream: &str) -> Result<Size, RedisError> {
    let entries = redis::number("XLEN", &[stream]).await?;
    let bytes = redis::number("MEMORY", &["USAGE", stream]).await?;
    let positive = |n: i64| u64::try_from(n).unwrap_or_default();
    Ok(Size { entries: positive(entries), bytes: positive(bytes) })
}

fn time(id: Option<EntryId>) -> Option<String> {
    id.map(|id| rfc3339(i64::try_from(id.ms).unwrap_or(i64::MAX)))
}
