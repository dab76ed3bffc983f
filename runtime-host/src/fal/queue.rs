//! The queue: submit, status, result, cancel (FAL.md §2). URLs are built from the endpoint and the id; the ones that FAL
//! returns are never followed, because ours carry the key.

use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde_json::Value;

use super::client::FalClient;
use super::endpoint::EndpointId;
use super::error::{FalError, Stage};

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
    /// Submits a request that must have started within `deadline`. Never sent twice from here.
    ///
    /// # Errors
    /// [`FalError::class`] tells a sure refusal from an ambiguous end.
    pub async fn submit(&self, endpoint: &EndpointId, body: String, deadline: Duration) -> Result<Submitted, FalError> {
        let url = format!("{}/{endpoint}", self.config.queue_url.trim_end_matches('/'));
        let seconds = format!("{:.1}", deadline.as_secs_f64().max(1.5));
        let call = self
            .call(Method::POST, &url)
            .timeout(self.config.submit_timeout)
            .header("content-type", "application/json")
            .header("x-fal-request-start-timeout", &seconds)
            .header("x-fal-request-timeout", &seconds)
            .body(body);
        let answer = self.send(Stage::Submit, call).await?;
        let request_id = text(&answer.json, "request_id").or(answer.request_id);
        let request_id = request_id.filter(|id| !id.is_empty() && id.len() <= 128);
        let queue_position = position(&answer.json);
        match request_id {
            Some(request_id) => Ok(Submitted { request_id, queue_position }),
            None => Err(FalError::Unreadable { stage: Stage::Submit, what: "no request_id".to_owned() }),
        }
    }

    /// Asks how a request stands.
    ///
    /// # Errors
    /// Says nothing about the request, except [`Class::Unknown`](super::Class::Unknown).
    pub async fn status(&self, endpoint: &EndpointId, request_id: &str) -> Result<RequestStatus, FalError> {
        let url = format!("{}/status?logs=1", self.request_url(endpoint, request_id));
        let answer = self.send(Stage::Follow, self.call(Method::GET, &url)).await?;
        let Some(word) = text(&answer.json, "status") else {
            return Err(FalError::Unreadable { stage: Stage::Follow, what: "no status".to_owned() });
        };
        Ok(match word.as_str() {
            "IN_QUEUE" => RequestStatus::InQueue { position: position(&answer.json) },
            "IN_PROGRESS" => RequestStatus::InProgress { logs: logs(&answer.json) },
            // The status code says the same as the word: 202 while it runs, 200 once it has ended.
            "COMPLETED" if answer.status == 200 => RequestStatus::Completed {
                logs: logs(&answer.json),
                inference_seconds: answer.json.pointer("/metrics/inference_time").and_then(Value::as_f64),
            },
            _ => RequestStatus::Other(word),
        })
    }

    /// Reads the result of a completed request.
    ///
    /// # Errors
    /// The request's own failure, or trouble on the way: [`FalError::class`] tells.
    pub async fn result(&self, endpoint: &EndpointId, request_id: &str) -> Result<Outcome, FalError> {
        let url = self.request_url(endpoint, request_id);
        let answer = self.send(Stage::Result, self.call(Method::GET, &url)).await?;
        Ok(Outcome { output: answer.json, billable_units: answer.billable_units })
    }

    /// Asks FAL to stop a request.
    ///
    /// # Errors
    /// Trouble on the way.
    pub async fn cancel(&self, endpoint: &EndpointId, request_id: &str) -> Result<CancelAnswer, FalError> {
        let url = format!("{}/cancel", self.request_url(endpoint, request_id));
        match self.send(Stage::Follow, self.call(Method::PUT, &url)).await {
            Ok(_) => Ok(CancelAnswer::Requested),
            Err(FalError::Refused { refusal, .. }) if refusal.status == 400 => Ok(CancelAnswer::AlreadyCompleted),
            Err(FalError::Refused { refusal, .. }) if refusal.status == 404 => Ok(CancelAnswer::Unknown),
            Err(error) => Err(error),
        }
    }

    fn request_url(&self, endpoint: &EndpointId, request_id: &str) -> String {
        let id = utf8_percent_encode(request_id, NON_ALPHANUMERIC).to_string().replace("%2D", "-");
        format!("{}/{}/requests/{id}", self.config.queue_url.trim_end_matches('/'), endpoint.app())
    }
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
