//! The words of disturbances: which calls there are, what may happen to them, and when.

use chrono::{TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A kind of call, as faults and counters name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Call {
    /// Queue submit.
    Submit,
    /// Status poll.
    Status,
    /// Status stream.
    Stream,
    /// Result.
    Result,
    /// Cancel.
    Cancel,
    /// Sync run or run stream.
    Run,
    /// Storage initiate, plain or multipart.
    Initiate,
    /// CDN token.
    Token,
    /// Any call that brings file bytes, and completing a multipart upload.
    Upload,
    /// GET or HEAD of a file.
    Download,
    /// Request history.
    History,
    /// Delivery of a webhook.
    Webhook,
    /// Everything else (keys, metadata).
    Other,
}

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Kind {
    /// The ingress's HTML 502, without `x-fal-request-id`.
    BadGateway,
    /// The ingress's HTML 503, without `x-fal-request-id`.
    NginxUnavailable,
    /// JSON 500 without `x-fal-request-id`.
    ServerError,
    /// JSON 500 with `x-fal-request-id`.
    ServerErrorWithId,
    /// JSON 503 `runner_connection_error` with `x-fal-request-id`.
    UnavailableWithId,
    /// 429 with `Retry-After`, one second unless told otherwise.
    TooManyRequests,
    /// 401.
    Unauthorized,
    /// 403, exhausted balance.
    Balance,
    /// 404.
    NotFound,
    /// The connection closes without an answer.
    Drop,
    /// The connection is reset (TCP RST).
    Reset,
    /// The answer's body ends half-way, its length matching: broken JSON. A stream closes after its first event.
    TruncatedBody,
    /// The answer promises its whole length and breaks off half-way; a stream breaks off after its first event.
    BrokenBody,
    /// The answer's body trickles over about three seconds.
    SlowBody,
    /// The call is handled at once, its answer comes late (two seconds unless told otherwise).
    Delay,
    /// The call is handled late, even when the caller has left by then: a submit that is accepted after all.
    Late,
    /// The request the call is about is gone from here on: its result answers 404, whatever its status says.
    Vanish,
    /// Webhooks only: never delivered.
    Lost,
    /// Webhooks only: delivered twice.
    Duplicate,
}

/// Whether the call is handled before it is disturbed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// The call is never handled.
    #[default]
    Before,
    /// The call is handled in full (a submit is accepted and paid), then its answer is disturbed.
    After,
}

/// What a refusal says about coming back, in seconds from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RetryAfter {
    /// As a number of seconds.
    Seconds(u32),
    /// As an HTTP date.
    Date(u32),
}

impl RetryAfter {
    /// The header's value.
    pub(crate) fn value(self) -> String {
        match self {
            Self::Seconds(seconds) => seconds.to_string(),
            Self::Date(seconds) => {
                let at = Utc::now() + TimeDelta::seconds(i64::from(seconds));
                at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
            }
        }
    }
}

/// One disturbance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What happens.
    pub kind: Kind,
    /// Before or after the call is handled.
    pub when: When,
    /// For kinds that wait.
    pub delay: Duration,
    /// For kinds that refuse.
    pub retry_after: Option<RetryAfter>,
}

impl Fault {
    /// How long kinds that wait do so unless told otherwise.
    pub(crate) const DELAY: Duration = Duration::from_secs(2);

    /// With the usual delay and `Retry-After`; kinds that alter an answer always work after the call.
    pub fn new(kind: Kind, when: When) -> Self {
        let alters = matches!(kind, Kind::TruncatedBody | Kind::BrokenBody | Kind::SlowBody | Kind::Delay);
        let retry_after = (kind == Kind::TooManyRequests).then_some(RetryAfter::Seconds(1));
        Self { kind, when: if alters { When::After } else { when }, delay: Self::DELAY, retry_after }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_to_come_back_is_seconds_or_a_date() {
        assert_eq!(RetryAfter::Seconds(3).value(), "3");
        let date = RetryAfter::Date(90).value();
        let read = chrono::DateTime::parse_from_rfc2822(&date).unwrap().to_utc();
        assert!((85..=90).contains(&(read - Utc::now()).num_seconds()), "{date}");
    }
}
