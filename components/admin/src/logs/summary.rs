//! `GET /logs/summary/daily?date=`: one day, UTC, in numbers, with what went wrong most.

use image2model_domain::log::LogKind;
use image2model_kit::{Context, Failure, Reply, clock, reply};
use serde_json::Value;

use super::analyze::Findings;
use super::ask;
use super::counts::Hours;

/// The day.
pub(crate) async fn daily(context: Context) -> Result<Reply, Failure> {
    let (date, span) = ask::day(&context.query, clock::now_ms())?;
    let counted = Hours::load(span).await?;
    let mut body = counted.sum().shown();
    body.insert("date".to_owned(), date.into());
    body.insert("per_hour".to_owned(), counted.shown().into());
    if let Value::Object(findings) = Findings::of(LogKind::ALL, span).await?.shown() {
        body.extend(findings);
    }
    reply::json(200, &body)
}
