//! The answers that the host gives in a component's place: problems in the API's shape, nothing of the host's inside.

use http::{HeaderName, HeaderValue, StatusCode, header};
use image2model_domain::problem::{CONTENT_TYPE, Problem};

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
    fn problem(self) -> Problem {
        match self {
            Self::NotFound => Problem::no_route(),
            Self::BadRequest => Problem::new(400, "BAD_REQUEST", "The head of the request is malformed."),
            Self::Busy => Problem::new(503, "OVERLOADED", "Too many requests are being answered; try again shortly.")
                .with_header("retry-after", "1"),
            Self::TimedOut => Problem::new(504, "REQUEST_TIMEOUT", "The request took too long to answer."),
            Self::Trapped => Problem::new(502, "COMPONENT_FAILED", "The request could not be completed."),
            Self::Refused => Problem::internal(),
        }
    }

    /// The answer for a request to `path`.
    pub fn answer(self, path: &str, request_id: &str) -> Response {
        problem(&self.problem(), path, request_id)
    }
}

/// `problem` as an answer to the request with this path and id.
pub fn problem(problem: &Problem, path: &str, request_id: &str) -> Response {
    let mut response = Response::new(full_body(problem.body(path, request_id).to_string()));
    *response.status_mut() = StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
    for (name, value) in problem.headers() {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    response
}
