//! The answers that the host gives in a component's place: problem+json with the fields every answer of the API has, and
//! nothing of the host's inside.

use http::{HeaderValue, StatusCode, header};
use serde_json::json;

use super::native::{Response, full_body};

/// Why the host answers itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    NotFound,
    BadRequest,
    Busy,
    TimedOut,
    Trapped,
    Refused,
}

impl Failure {
    fn parts(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "NOT_FOUND", "Nothing is served at this path."),
            Self::BadRequest => (StatusCode::BAD_REQUEST, "BAD_REQUEST", "The head of the request is malformed."),
            Self::Busy => (
                StatusCode::SERVICE_UNAVAILABLE,
                "OVERLOADED",
                "Too many requests are being answered; try again shortly.",
            ),
            Self::TimedOut => (StatusCode::GATEWAY_TIMEOUT, "REQUEST_TIMEOUT", "The request took too long to answer."),
            Self::Trapped => (StatusCode::BAD_GATEWAY, "COMPONENT_FAILED", "The request could not be completed."),
            Self::Refused => {
                (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR", "The request could not be completed.")
            }
        }
    }

    /// The answer for a request to `path`.
    pub fn answer(self, path: &str, request_id: &str) -> Response {
        let (status, code, detail) = self.parts();
        let mut response = problem(status, code, detail, path, request_id);
        if self == Self::Busy {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// A problem+json answer in the API's shape.
pub fn problem(status: StatusCode, code: &str, detail: &str, path: &str, request_id: &str) -> Response {
    let body = json!({
        "type": format!("urn:image2model:problem:{}", code.to_ascii_lowercase().replace('_', "-")),
        "title": status.canonical_reason().unwrap_or("Error"),
        "status": status.as_u16(),
        "detail": detail,
        "instance": path,
        "request_id": request_id,
        "error": true,
        "error_code": code,
        "message": detail,
        "status_code": status.as_u16(),
        "details": {},
    });
    let mut response = Response::new(full_body(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response
}
