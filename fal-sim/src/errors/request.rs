//! Errors the platform gives for one request: `{"detail": "…", "error_type": "…"}` and `x-fal-error-type`.

use super::Outcome;
use serde_json::json;

/// A request that the platform, not the model, ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// It did not start before the caller's own deadline.
    #[error("Request timed out")]
    StartupTimeout,
    /// The caller cancelled it.
    #[error("Request cancelled by the client.")]
    Cancelled,
    /// The machine running it went away.
    #[error("The runner disconnected while processing the request")]
    RunnerDisconnected,
    /// The machine running it broke.
    #[error("Internal Server Error")]
    RunnerServerError,
    /// More sync calls at once than the key may have.
    #[error("Too many concurrent requests")]
    ConcurrentRequests,
}

impl RequestError {
    /// FAL's `error_type`.
    pub fn code(self) -> &'static str {
        match self {
            Self::StartupTimeout => "startup_timeout",
            Self::Cancelled => "client_cancelled",
            Self::RunnerDisconnected => "runner_disconnected",
            Self::RunnerServerError => "runner_server_error",
            Self::ConcurrentRequests => "concurrent_requests_limit",
        }
    }

    /// HTTP status of the result.
    pub fn status(self) -> u16 {
        match self {
            Self::StartupTimeout => 504,
            Self::Cancelled => 499,
            Self::RunnerDisconnected => 503,
            Self::RunnerServerError => 500,
            Self::ConcurrentRequests => 429,
        }
    }

    /// What the result call will answer.
    pub fn outcome(self) -> Outcome {
        let mut headers = vec![("x-fal-error-type", self.code().to_owned())];
        match self {
            Self::StartupTimeout => headers.push(("x-fal-request-timeout-type", "user".into())),
            Self::ConcurrentRequests => headers.push(("x-fal-needs-retry", "1".into())),
            _ => {}
        }
        Outcome {
            status: self.status(),
            headers,
            body: json!({"detail": self.to_string(), "error_type": self.code()}),
            error: Some(self.to_string()),
            error_type: Some(self.code()),
            billable_units: 0,
        }
    }
}
