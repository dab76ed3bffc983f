//! `GET /logs/summary/daily?date=`: one day, UTC, in numbers, with what went wrong most.

use image2model_domain::log::{LogKind, LogLevel};
use image2model_kit::{Context, Failure, Reply, clock, reply};
use serde_json::Value;

use super::analyze::Findings;
use super::ask;
use super::counts::Hours;

/// The day.
pub(crate) async fn daily(context: Context) -> Result<Reply, Failure> {
    let (date, span) = ask::day(&context.query, clock::now_ms())?;
    let counted = Hours::load(span).await?;
    let sum = counted.sum();
    let mut body = sum.shown();
    body.insert("date".to_owned(), date.into());
    body.insert("total_requests".to_owned(), sum.of_kind(LogKind::Access).into());
    body.insert("error_count".to_owned(), sum.of_level(LogLevel::Error).into());
    body.insert("per_hour".to_owned(), counted.shown().into());
    let findings = Findings::of(LogKind::ALL, span).await?;
    if let Value::Object(findings) = findings.shown() {
        body.extend(findings);
    }
    body.extend(findings.of_a_day());
    reply::json(200, &body)
}
