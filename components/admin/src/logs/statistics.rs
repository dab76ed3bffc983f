//! `GET /logs/statistics?hours=`: how much was logged, by log, level and hour.

use image2model_domain::time::rfc3339;
use image2model_kit::{Context, Failure, Reply, clock, reply};
use serde_json::json;

use super::ask;
use super::counts::Hours;

/// The numbers.
pub(crate) async fn show(context: Context) -> Result<Reply, Failure> {
    let (hours, span) = ask::hours(&context.query, clock::now_ms())?;
    let counted = Hours::load(span).await?;
    let mut body = counted.sum().shown();
    body.insert("period".to_owned(), json!({ "hours": hours, "from": rfc3339(span.from), "to": rfc3339(span.to - 1) }));
    body.insert("per_hour".to_owned(), counted.shown().into());
    reply::json(200, &body)
}
