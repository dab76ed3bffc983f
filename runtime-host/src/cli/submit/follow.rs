//! Follows a job to its end: by its event stream, resumed where it broke off, or by asking for the status when the server
//! (or a proxy in between) has no streams.

use std::time::Duration;

use anyhow::Context;
use futures::StreamExt;
use reqwest::header::CONTENT_TYPE;
use serde_json::Value;

use super::api::{Job, JobApi};
use super::display::Display;
use super::events::Parser;

/// Connections in a row that told nothing before the status is asked for instead.
const TRIES: u32 = 4;
const WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_secs(2);
/// How long a server may be away.
const POLL_TRIES: u32 = 150;

/// How one connection ended.
enum Outcome {
    Ended,
    Broke { told: bool, wait: Option<Duration> },
    NoStreams,
}

/// The job's status once it has ended.
pub async fn to_the_end(api: &JobApi, job: &Job, display: &Display) -> anyhow::Result<Value> {
    let (mut last_id, mut silent) = (String::new(), 0);
    while silent < TRIES {
        match listen(api, job, &mut last_id, display).await {
            Outcome::Ended => break,
            Outcome::NoStreams => silent = TRIES,
            Outcome::Broke { told, wait } => {
                silent = if told { 0 } else { silent + 1 };
                tokio::time::sleep(wait.unwrap_or(WAIT).min(LONGEST_WAIT)).await;
            }
        }
    }
    poll(api, job, display).await
}

async fn listen(api: &JobApi, job: &Job, last_id: &mut String, display: &Display) -> Outcome {
    let path = format!("/api/v1/status/stream/{}", job.id);
    let mut request = api.get(&path, &[], job).header("accept", "text/event-stream");
    if !last_id.is_empty() {
        request = request.header("last-event-id", last_id.as_str());
    }
    let Ok(response) = request.send().await else { return Outcome::Broke { told: false, wait: None } };
    let kind = response.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    match response.status().as_u16() {
        200 if kind.starts_with("text/event-stream") => {}
        // The server has nothing more to tell.
        204 => return Outcome::Ended,
        429 | 500.. => return Outcome::Broke { told: false, wait: None },
        _ => return Outcome::NoStreams,
    }
    let (mut parser, mut told, mut chunks) = (Parser::default(), false, response.bytes_stream());
    while let Some(Ok(chunk)) = chunks.next().await {
        for event in parser.feed(&chunk) {
            told = true;
            if !event.id.is_empty() {
                *last_id = event.id;
            }
            if show(job, &serde_json::from_str(&event.data).unwrap_or_default(), display) {
                return Outcome::Ended;
            }
        }
    }
    Outcome::Broke { told, wait: parser.retry.map(Duration::from_millis) }
}

/// Asks until the job has ended; a server that is away for a while is forgiven.
async fn poll(api: &JobApi, job: &Job, display: &Display) -> anyhow::Result<Value> {
    let mut failures = 0;
    loop {
        match api.status(job).await {
            Ok(status) => {
                failures = 0;
                for file in files(&status) {
                    show(job, file, display);
                }
                if is_terminal(&status) {
                    return Ok(status);
                }
            }
            Err(error) if failures >= POLL_TRIES => return Err(error).context("the job cannot be followed any more"),
            Err(_) => failures += 1,
        }
        tokio::time::sleep(POLL).await;
    }
}

/// The files in a status.
pub fn files(status: &Value) -> impl Iterator<Item = &Value> {
    status.get("files").and_then(Value::as_array).into_iter().flatten()
}

/// A text of a JSON object, or nothing.
pub fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn is_terminal(status: &Value) -> bool {
    matches!(text(status, "status"), "completed" | "partially_completed" | "failed" | "cancelled")
}

/// Shows an event, or a file of a status; true when it says that the job has ended.
fn show(job: &Job, event: &Value, display: &Display) -> bool {
    if text(event, "type") == "job" {
        return is_terminal(event);
    }
    let index = job.files.iter().position(|id| id == text(event, "file_id"));
    if let Some(file) = index.and_then(|index| display.file(index)) {
        let percent = event.get("progress").and_then(Value::as_u64).unwrap_or_default();
        let said = [text(event, "message"), text(event, "status")].into_iter().find(|said| !said.is_empty());
        file.progress(percent, said.unwrap_or_default());
    }
    false
}
