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
use crate::cli::server::is_final;

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

/// Asks until the job has ended; a server that is away for a while is forgiven, one that refuses is not asked again.
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
            Err(error) if failures >= POLL_TRIES || is_final(&error) => {
                return Err(error).context("the job cannot be followed any more");
            }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::server::Server;
    use axum::http::{StatusCode, Uri};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// What following says of a server without streams that answers with these statuses, and how often it was asked.
    async fn told(statuses: &'static [u16]) -> (String, usize) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let answer = move |uri: Uri| async move {
            if uri.path().contains("/stream/") {
                return (StatusCode::NOT_FOUND, String::new());
            }
            let status = statuses[count.fetch_add(1, Ordering::Relaxed).min(statuses.len() - 1)];
            (StatusCode::from_u16(status).unwrap(), format!(r#"{{"detail": "said with {status}"}}"#))
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, axum::Router::new().fallback(answer)).into_future());
        let api = JobApi::new(Server::new(&url, None).unwrap()).unwrap();
        let job = Job { id: "a".to_owned(), files: Vec::new(), access_token: None };
        let display = Display::new(std::iter::empty());
        let followed = tokio::time::timeout(Duration::from_secs(30), to_the_end(&api, &job, &display)).await;
        (format!("{:#}", followed.unwrap().unwrap_err()), asked.load(Ordering::Relaxed))
    }

    #[tokio::test]
    async fn a_refusal_ends_it_and_a_server_that_is_away_does_not() {
        for (statuses, last, times) in
            [(&[401][..], 401, 1), (&[403], 403, 1), (&[404], 404, 1), (&[410], 410, 1), (&[503, 429, 404], 404, 3)]
        {
            let said = format!("the job cannot be followed any more: said with {last}");
            assert_eq!(told(statuses).await, (said, times), "{statuses:?}");
        }
    }
}
