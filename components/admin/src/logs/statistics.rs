//! `GET /logs/statistics?hours=`: how much was logged, by log, level and hour, and how much of it is kept.

use image2model_domain::time::rfc3339;
use image2model_kit::redis::RedisError;
use image2model_kit::{Context, Failure, Reply, clock, reply};
use serde_json::{Map, Value, json};

use super::counts::Hours;
use super::{ask, types};
use crate::storage::megabytes;

/// What is kept now, in the original's words, whose logs were files.
pub(super) async fn stored() -> Result<Map<String, Value>, RedisError> {
    let (files, size) = types::all().await?;
    let mut stored = Map::new();
    stored.insert("total_files".to_owned(), files.into());
    stored.insert("total_size_mb".to_owned(), megabytes(size.bytes).into());
    Ok(stored)
}

/// The numbers.
pub(crate) async fn show(context: Context) -> Result<Reply, Failure> {
    let (hours, span) = ask::hours(&context.query, clock::now_ms())?;
    let counted = Hours::load(span).await?;
    let mut body = counted.sum().shown();
    body.insert("period".to_owned(), json!({ "hours": hours, "from": rfc3339(span.from), "to": rfc3339(span.to - 1) }));
    body.insert("per_hour".to_owned(), counted.shown().into());
    body.extend(stored().await?);
    reply::json(200, &body)
}
