//! An HTTP answer of FAL that is no success, read once into what decides about it.

use std::time::{Duration, SystemTime};

use reqwest::{StatusCode, header::HeaderMap};
use serde_json::Value;

use super::words;
use crate::outgoing;

/// Longest `Retry-After` that is believed.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(300);

/// A refused call, or a failed request's outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// `error_type` of a request error, or the `type` of the first model error.
    pub error_type: Option<String>,
    /// Whose deadline ran out: `user` when it was ours (`X-Fal-Request-Timeout-Type`).
    pub timeout_type: Option<String>,
    /// `X-Fal-Retryable`, when it was there.
    pub retryable: Option<bool>,
    /// `Retry-After`, when it was there.
    pub retry_after: Option<Duration>,
    /// `x-fal-request-id`: without it an answer comes from a proxy on the way and says nothing about a request.
    pub request_id: Option<String>,
    /// What it cost, in FAL's billing units, when that was said.
    pub billable_units: Option<String>,
    /// What it says.
    pub detail: Detail,
}

/// The two forms of `detail`, or none.
#[derive(Debug, Clone, PartialEq)]
pub enum Detail {
    /// The platform's words.
    Text(String),
    /// The model's findings.
    Model(Vec<ModelError>),
    /// JSON without any.
    Silent,
    /// No JSON.
    Foreign,
}

/// One finding of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelError {
    /// Where in the input: `["body", "image_url"]`.
    pub location: Vec<String>,
    /// In English.
    pub message: String,
    /// Stable: `content_policy_violation`.
    pub kind: String,
    /// Limits and the like.
    pub context: Value,
}

impl Refusal {
    /// Reads an answer; `body` is as much of it as was kept.
    pub(super) fn read(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let header = |name| headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let parsed = serde_json::from_slice::<Value>(body).ok().filter(Value::is_object);
        let detail = parsed.as_ref().map_or(Detail::Foreign, |json| Detail::read(json.get("detail")));
        let json = parsed.unwrap_or_default();
        let in_body = json.get("error_type").and_then(Value::as_str).map(str::to_owned);
        let of_model = match &detail {
            Detail::Model(errors) => errors.first().map(|e| e.kind.clone()),
            _ => None,
        };
        Self {
            status: status.as_u16(),
            error_type: in_body.or_else(|| header("x-fal-error-type")).or(of_model),
            timeout_type: header("x-fal-request-timeout-type"),
            retryable: header("x-fal-retryable").and_then(|v| v.parse().ok()),
            retry_after: header("retry-after")
                .and_then(|v| outgoing::retry_after(&v, SystemTime::now()))
                .map(|wait| wait.min(LONGEST_RETRY_AFTER)),
            request_id: header("x-fal-request-id"),
            billable_units: header("x-fal-billable-units"),
            detail,
        }
    }

    /// The type of the error, or nothing.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.error_type.as_deref().unwrap_or_default()
    }

    /// The result was asked for too early.
    #[must_use]
    pub fn is_still_running(&self) -> bool {
        let says = |text: &str| text.to_ascii_lowercase().contains("in progress");
        self.status == 400 && matches!(&self.detail, Detail::Text(text) if says(text))
    }

    /// It was made by something on the way, not by FAL.
    #[must_use]
    pub fn is_foreign(&self) -> bool {
        self.request_id.is_none() && self.detail == Detail::Foreign
    }

    /// A sentence for the client: FAL's own words, made readable, nothing internal.
    #[must_use]
    pub fn words(&self) -> String {
        words::of(self)
    }
}

impl Detail {
    fn read(detail: Option<&Value>) -> Self {
        match detail {
            Some(Value::String(text)) => Self::Text(text.clone()),
            Some(Value::Array(items)) => Self::Model(items.iter().map(ModelError::read).collect()),
            _ => Self::Silent,
        }
    }
}

impl ModelError {
    fn read(item: &Value) -> Self {
        let text = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let part = |part: &Value| part.as_str().map_or_else(|| part.to_string(), str::to_owned);
        let location = item.get("loc").and_then(Value::as_array).map(|parts| parts.iter().map(part).collect());
        Self {
            location: location.unwrap_or_default(),
            message: text("msg"),
            kind: text("type"),
            context: item.get("ctx").cloned().unwrap_or_default(),
        }
    }
}
