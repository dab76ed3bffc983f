//! The queue: submit, status, result, cancel. URLs are built from the endpoint and the id; the ones that FAL
//! returns are never followed, because ours carry the key. Where the queue's host gives no connection, so that nothing was
//! sent, the same call goes to FAL's other domain.

use std::sync::atomic::Ordering;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use tokio::time::Instant;
use url::Url;

use super::class::Stage;
use super::client::{Answer, FalClient, Head};
use super::endpoint::EndpointId;
use super::error::FalError;
use super::gate::Gate;
use super::refusal::Refusal;

/// How long the queue's other domain is asked first after the usual one gave no connection.
const AVOID_FOR: Duration = Duration::from_secs(30);

/// A request to be sent.
#[derive(Debug, Clone, Copy)]
pub struct Submission<'a> {
    /// The model's input, a JSON object.
    pub body: &'a str,
    /// FAL drops it when it has not started within this.
    pub start_within: Duration,
    /// Its body does not leave any more after this: somebody else may have taken the file up by then.
    pub not_after: Instant,
    /// Where FAL is to tell that it has ended.
    pub webhook: Option<&'a Url>,
    /// It may wait behind others at FAL.
    pub low_priority: bool,
}

/// An accepted request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submitted {
    /// Its id.
    pub request_id: String,
    /// Requests ahead of it.
    pub queue_position: Option<u32>,
}

/// How a request stands.
#[derive(Debug, Clone, PartialEq)]
pub enum RequestStatus {
    /// It waits.
    InQueue {
        /// Requests ahead of it.
        position: Option<u32>,
    },
    /// It runs.
    InProgress {
        /// The lines of the last while: a moving window, so lines repeat.
        logs: Vec<LogLine>,
    },
    /// It has ended, well or not: the result tells.
    Completed {
        /// As above.
        logs: Vec<LogLine>,
        /// Seconds of computing.
        inference_seconds: Option<f64>,
        /// It names an error, which it does of requests that failed alone.
        failed: bool,
    },
    /// A word that this client does not know: to be treated as not ended.
    Other(String),
}

/// A log line of a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LogLine {
    /// As FAL wrote it.
    pub timestamp: String,
    /// The line.
    pub message: String,
    /// `INFO`, `ERROR`, …
    pub level: String,
}

/// A request that ended well.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The model's output.
    pub output: Value,
    /// What it cost, in FAL's billing units.
    pub billable_units: Option<String>,
    /// The answer names the request, so it is FAL's own and no page's from somewhere on the way.
    pub is_vouched_for: bool,
}

/// What came of asking to cancel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelAnswer {
    /// It was taken out of the queue, or told to stop; a running one may still complete.
    Requested,
    /// It had ended before.
    AlreadyCompleted,
    /// FAL does not know it.
    Unknown,
}

impl FalClient {
    /// Submits a request. Never sent twice from here.
    ///
    /// # Errors
    /// [`FalError::class`] tells a sure refusal from an ambiguous end.
    pub async fn submit(&self, endpoint: &EndpointId, submission: Submission<'_>) -> Result<Submitted, FalError> {
        let Submission { body, start_within, not_after, webhook, low_priority } = submission;
        let seconds = format!("{:.1}", start_within.as_secs_f64().max(1.5));
        let gate = Gate::new(not_after);
        let call = |url: &str| {
            let mut call = self
                .call(Method::POST, url)
                .timeout(self.config.submit_timeout)
                .header("content-type", "application/json")
                .header("content-length", body.len())
                .header("x-fal-request-start-timeout", &seconds)
                .header("x-fal-request-timeout", &seconds)
                .body(gate.body(body));
            if low_priority {
                call = call.header("x-fal-queue-priority", "low");
            }
            call
        };
        let told = webhook.map(|url| format!("?fal_webhook={}", utf8_percent_encode(url.as_str(), NON_ALPHANUMERIC)));
        let path = format!("/{endpoint}{}", told.unwrap_or_default());
        let answer = self.ask_queue(Stage::Submit, &path, call).await;
        if gate.shut.load(Ordering::Relaxed) {
            return Err(FalError::TooLate);
        }
        let (head, json) = answer?;
        // An answer that broke off or cannot be read still names the request in its head.
        let in_body = json.as_ref().ok().and_then(|json| text(json, "request_id"));
        let is_id = |id: &String| !id.is_empty() && id.len() <= 128;
        match (in_body.filter(is_id).or(head.request_id.filter(is_id)), json) {
            (Some(request_id), json) => {
                Ok(Submitted { request_id, queue_position: json.ok().as_ref().and_then(position) })
            }
            (None, Err(error)) => Err(error),
            (None, Ok(_)) => Err(FalError::Unreadable { stage: Stage::Submit, what: "no request_id".to_owned() }),
        }
    }

    /// How long a submit may be under way before its answer is no longer waited for.
    #[must_use]
    pub fn submit_timeout(&self) -> Duration {
        self.config.submit_timeout
    }

    /// Asks how a request stands.
    ///
    /// # Errors
    /// Says nothing about the request, except [`Class::Unknown`](super::Class::Unknown).
    pub async fn status(&self, endpoint: &EndpointId, request_id: &str) -> Result<RequestStatus, FalError> {
        let path = format!("{}/status?logs=1", request_path(endpoint, request_id));
        let answer = self.ask(Stage::Follow, Method::GET, &path).await?;
        let Some(word) = text(&answer.json, "status") else {
            return Err(FalError::Unreadable { stage: Stage::Follow, what: "no status".to_owned() });
        };
        Ok(match word.as_str() {
            "IN_QUEUE" => RequestStatus::InQueue { position: position(&answer.json) },
            "IN_PROGRESS" => RequestStatus::InProgress { logs: logs(&answer.json) },
            // The status code says the same as the word: 202 while it runs, 200 once it has ended.
            "COMPLETED" if answer.head.status == 200 => RequestStatus::Completed {
                logs: logs(&answer.json),
                inference_seconds: answer.json.pointer("/metrics/inference_time").and_then(Value::as_f64),
                failed: ["error", "error_type"].iter().any(|name| answer.json.get(name).is_some_and(|e| !e.is_null())),
            },
            _ => RequestStatus::Other(word),
        })
    }

    /// Reads the result of a completed request.
    ///
    /// # Errors
    /// The request's own failure, or trouble on the way: [`FalError::class`] tells.
    pub async fn result(&self, endpoint: &EndpointId, request_id: &str) -> Result<Outcome, FalError> {
        let answer = self.ask(Stage::Result, Method::GET, &request_path(endpoint, request_id)).await?;
        if answer.head.status != 200 {
            return Err(FalError::Unreadable { stage: Stage::Result, what: format!("status {}", answer.head.status) });
        }
        let is_vouched_for = answer.head.request_id.is_some();
        Ok(Outcome { output: answer.json, billable_units: answer.head.billable_units, is_vouched_for })
    }

    /// Asks FAL to stop a request.
    ///
    /// # Errors
    /// Trouble on the way.
    pub async fn cancel(&self, endpoint: &EndpointId, request_id: &str) -> Result<CancelAnswer, FalError> {
        let path = format!("{}/cancel", request_path(endpoint, request_id));
        match self.ask(Stage::Follow, Method::PUT, &path).await {
            Ok(_) => Ok(CancelAnswer::Requested),
            Err(error @ FalError::Refused { .. }) if error.refusal().is_some_and(Refusal::is_foreign) => Err(error),
            Err(FalError::Refused { refusal, .. }) if refusal.status == 400 => Ok(CancelAnswer::AlreadyCompleted),
            Err(FalError::Refused { refusal, .. }) if refusal.status == 404 => Ok(CancelAnswer::Unknown),
            Err(error) => Err(error),
        }
    }

    /// A call without a body, its answer read to the end.
    async fn ask(&self, stage: Stage, method: Method, path: &str) -> Result<Answer, FalError> {
        let (head, json) = self.ask_queue(stage, path, |url| self.call(method.clone(), url)).await?;
        Ok(Answer { head, json: json? })
    }

    /// Sends `call` to the queue, and to its other domain when there was no connection to the first.
    async fn ask_queue(
        &self,
        stage: Stage,
        path: &str,
        call: impl Fn(&str) -> RequestBuilder,
    ) -> Result<(Head, Result<Value, FalError>), FalError> {
        let at = |base: &str| format!("{}{path}", base.trim_end_matches('/'));
        let usual = &self.config.queue_url;
        let Some(backup) = &self.config.backup_queue_url else {
            return self.exchange(stage, call(&at(usual))).await;
        };
        // Where there was no connection a moment ago there is hardly one now, and a submit must not wait for it.
        let (first, second) = if self.queue_is_down() { (backup, usual) } else { (usual, backup) };
        let answer = self.exchange(stage, call(&at(first))).await;
        let Err(FalError::Unreachable { reason, .. }) = answer else { return answer };
        self.note_queue_down(first == usual);
        tracing::warn!(reason, base = first, "FAL.AI's queue cannot be reached; trying its other domain");
        self.exchange(stage, call(&at(second))).await
    }

    fn queue_is_down(&self) -> bool {
        let since = *self.queue_down.lock();
        since.is_some_and(|since| since.elapsed() < AVOID_FOR)
    }

    fn note_queue_down(&self, down: bool) {
        *self.queue_down.lock() = down.then(Instant::now);
    }
}

fn request_path(endpoint: &EndpointId, request_id: &str) -> String {
    let id = utf8_percent_encode(request_id, NON_ALPHANUMERIC).to_string().replace("%2D", "-");
    format!("/{}/requests/{id}", endpoint.app())
}

fn text(json: &Value, name: &str) -> Option<String> {
    json.get(name).and_then(Value::as_str).map(str::to_owned)
}

fn position(json: &Value) -> Option<u32> {
    json.get("queue_position").and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok())
}

fn logs(json: &Value) -> Vec<LogLine> {
    let lines = json.get("logs").and_then(Value::as_array);
    let line = |line: &Value| LogLine {
        timestamp: text(line, "timestamp").unwrap_or_default(),
        message: text(line, "message").unwrap_or_default(),
        level: text(line, "level").unwrap_or_else(|| "INFO".to_owned()),
    };
    lines.map(|lines| lines.iter().map(line).collect()).unwrap_or_default()
}
