//! Health routes. Live: the component answers at all. Ready: what it needs answers too. The overview says both, and whether
//! models come from FAL.AI or from the simulator.

pub(crate) mod detailed;
pub(crate) mod probe;

use image2model_domain::time::rfc3339;
use image2model_kit::{Context, Failure, Reply, clock, reply};
use serde_json::{Map, Value, json};

use crate::breaker;
use probe::Report;

const SERVICE: &str = "image2model";

/// Answers as long as anything does.
pub(crate) async fn live(_: Context) -> Result<Reply, Failure> {
    reply::json(200, &json!({ "status": "alive", "service": SERVICE, "timestamp": rfc3339(clock::now_ms()) }))
}

/// 503 when something that is needed fails.
pub(crate) async fn ready(_: Context) -> Result<Reply, Failure> {
    let report = probe::report().await;
    let status = if report.is_ready() { 200 } else { 503 };
    retry_hint(reply::json(status, &readiness(&report))?, status)
}

/// 200 as long as it is ready; the word says more.
pub(crate) async fn overview(_: Context) -> Result<Reply, Failure> {
    let report = probe::report().await;
    let status = if report.is_ready() { 200 } else { 503 };
    let body = json!({
        "status": report.word(),
        "service": SERVICE,
        "version": env!("CARGO_PKG_VERSION"),
        "fal": report.fal_mode,
        "checks": checks(&report),
        "paused_queues": report.paused_queues(),
        "breaker": breaker::shown(report.breaker(), clock::now_ms()),
        "timestamp": rfc3339(clock::now_ms()),
    });
    retry_hint(reply::json(status, &body)?, status)
}

fn retry_hint(mut answer: Reply, status: u16) -> Result<Reply, Failure> {
    if status == 503 {
        reply::insert(&mut answer, "retry-after", "2");
    }
    Ok(answer)
}

fn checks(report: &Report) -> Map<String, Value> {
    report.checks.iter().map(|c| (c.name.to_owned(), json!(c.health.word()))).collect()
}

fn components(report: &Report) -> Vec<Value> {
    report.checks.iter().map(|check| component(check.name, check.health.word(), check)).collect()
}

fn component(name: &str, word: &str, check: &probe::Check) -> Value {
    json!({ "name": name, "status": word, "response_time_ms": check.took_ms, "details": check.details })
}

fn readiness(report: &Report) -> Value {
    let status = if report.is_ready() { "ready" } else { "not_ready" };
    json!({ "status": status, "checks": checks(report), "components": components(report) })
}
