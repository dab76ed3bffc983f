//! The answers that the host gives in a component's place: problems in the API's shape, nothing of the host's inside.

use http::{HeaderName, HeaderValue, StatusCode, header};
use image2model_domain::problem::{CONTENT_TYPE, Problem};
use image2model_domain::request_id::HEADER as REQUEST_ID;

use super::native::{Response, full_body};

/// Why the host answers itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    NotFound,
    BadRequest,
    /// For so many seconds.
    Busy(u64),
    TooLarge,
    TooSlow,
    TimedOut,
    Trapped,
    Refused,
}

impl Failure {
    fn problem(self) -> Problem {
        match self {
            Self::NotFound => Problem::no_route(),
            Self::BadRequest => Problem::new(400, "BAD_REQUEST", "The head of the request is malformed."),
            Self::Busy(seconds) => {
                Problem::new(503, "OVERLOADED", "Too many requests are being answered; try again shortly.")
                    .with_header("retry-after", seconds.to_string())
            }
            Self::TooLarge => Problem::plain(413, "The request body is larger than this route takes."),
            Self::TooSlow => Problem::new(408, "REQUEST_TOO_SLOW", "The rest of the request did not come in time."),
            Self::TimedOut => Problem::new(504, "REQUEST_TIMEOUT", "The request took too long to answer."),
            Self::Trapped => Problem::new(502, "COMPONENT_FAILED", "The request could not be completed."),
            Self::Refused => Problem::internal(),
        }
    }

    /// The answer for a request to `path`.
    pub fn answer(self, path: &str, request_id: &str) -> Response {
        secured(problem(&self.problem(), path, request_id))
    }
}

/// What every answer has. Components have it from the guard.
const ON_EVERY_ANSWER: [(HeaderName, HeaderValue); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; base-uri 'none'; frame-ancestors 'none'"),
    ),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// The answer with the headers that every answer has; those it brings stand.
pub(super) fn secured(mut response: Response) -> Response {
    for (name, value) in ON_EVERY_ANSWER {
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}

/// `problem` as an answer to the request with this path and id.
fn problem(problem: &Problem, path: &str, request_id: &str) -> Response {
    let mut response = Response::new(full_body(problem.body(path, request_id).to_string()));
    *response.status_mut() = StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, id);
    }
    for (name, value) in problem.headers() {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_own_answers_are_as_guarded_as_a_components() {
        let answer = Failure::Busy(1).answer("/api/v1/status/x", "r-1");
        let value = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
        assert_eq!((value("x-request-id"), value("retry-after")), (Some("r-1"), Some("1")));
        assert_eq!((value("x-content-type-options"), value("x-frame-options")), (Some("nosniff"), Some("DENY")));
        let mut own = Response::new(full_body(""));
        own.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private"));
        assert_eq!(secured(own).headers()[header::CACHE_CONTROL], "private");
    }
}
