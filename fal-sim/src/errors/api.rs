//! Errors of one HTTP call, answered at once as `{"detail": "…"}`; they say nothing about a request's outcome.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde_json::json;

/// Why a call was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// No credentials came along.
    #[error("Authentication is required to access this resource.")]
    NoCredentials,
    /// The header is not `Key id:secret`.
    #[error("Invalid Key Authorization header format. Expected '<key_id>:<key_secret>'.")]
    MalformedKey,
    /// The key is not one of ours.
    #[error("No user found for Key ID and Secret")]
    UnknownKey,
    /// Everything the key had was spent.
    #[error("User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing.")]
    Locked,
    /// The CDN token is unknown or expired.
    #[error("Invalid or expired token")]
    UnknownToken,
    /// No such model.
    #[error("Application \"{0}\" not found")]
    UnknownApplication(String),
    /// No such request, or another key's.
    #[error("Request not found")]
    UnknownRequest,
    /// No such file, or it expired.
    #[error("File not found")]
    UnknownFile,
    /// No such route.
    #[error("Path /{0} not found")]
    UnknownPath(String),
    /// The route exists, the method does not.
    #[error("Method Not Allowed")]
    MethodNotAllowed,
    /// The request is not finished.
    #[error("Request is still in progress")]
    StillInProgress,
    /// The call itself is wrong.
    #[error("{0}")]
    BadRequest(String),
    /// The body is longer than the route takes.
    #[error("Request body too large: at most {0} bytes are accepted")]
    TooLarge(u64),
    /// The body broke off.
    #[error("The request body ended early")]
    BodyBroken,
    /// More requests wait than the caller allows.
    #[error("Queue is full: {waiting} requests are waiting, at most {limit} were allowed")]
    QueueFull {
        /// Requests waiting.
        waiting: usize,
        /// What `fal_max_queue_length` said.
        limit: usize,
    },
    /// The upload URL's signature is wrong or used up.
    #[error("Invalid signature")]
    BadSignature,
    /// The control interface was called from another machine.
    #[error("The control interface answers local callers only")]
    NotLocal,
    /// Something of ours broke.
    #[error("Internal Server Error")]
    Internal,
}

impl ApiError {
    /// HTTP status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NoCredentials | Self::MalformedKey | Self::UnknownKey | Self::UnknownToken => {
                StatusCode::UNAUTHORIZED
            }
            Self::Locked | Self::BadSignature | Self::NotLocal => StatusCode::FORBIDDEN,
            Self::UnknownApplication(_) | Self::UnknownRequest | Self::UnknownFile | Self::UnknownPath(_) => {
                StatusCode::NOT_FOUND
            }
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::StillInProgress | Self::BadRequest(_) | Self::BodyBroken => StatusCode::BAD_REQUEST,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::QueueFull { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status(), Json(json!({"detail": self.to_string()}))).into_response()
    }
}
