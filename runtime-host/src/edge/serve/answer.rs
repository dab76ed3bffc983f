//! The answers that the host gives in a component's place: problems in the API's shape, nothing of the host's inside.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use image2model_domain::browser_headers::{HSTS, Origins};
use image2model_domain::problem::{CONTENT_TYPE, Problem};
use image2model_domain::request_id::HEADER as REQUEST_ID;
use image2model_domain::trace::{ANSWER_HEADER, HEADER as TRACEPARENT};

use super::native::{Response, full_body};
use crate::trace;

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
    pub fn answer(self, path: &str, request_id: &str, asker: &Asker<'_>) -> Response {
        asker.told(secured(problem(&self.problem(), path, request_id)))
    }
}

/// What a request says of whoever reads the answer. Kept from its head, which is the component's from then on.
pub(super) struct Asker<'a> {
    /// Of pages that may read it; `None` where a component asks, which is no page.
    origins: Option<&'a Origins>,
    origin: Option<HeaderValue>,
    trace: Option<HeaderValue>,
    encrypted: bool,
}

impl<'a> Asker<'a> {
    /// Whoever sent a request with these headers.
    pub fn of(headers: &HeaderMap, origins: Option<&'a Origins>, encrypted: bool) -> Self {
        let origin = origins.and_then(|_| headers.get(header::ORIGIN).cloned());
        let trace = trace::only(headers).and_then(|_| headers.get(TRACEPARENT).cloned());
        Self { origins, origin, trace, encrypted }
    }

    /// The host's own answer with what is for this asker: where it belongs in their trace, whether pages of other sites may
    /// read it, and, over TLS, not to come without. What it brings stands.
    pub fn told(&self, mut response: Response) -> Response {
        let headers = response.headers_mut();
        if let Some(trace) = &self.trace {
            for name in [TRACEPARENT, ANSWER_HEADER] {
                headers.entry(name).or_insert_with(|| trace.clone());
            }
        }
        let (name, value) = HSTS;
        if self.encrypted {
            headers.entry(name).or_insert(HeaderValue::from_static(value));
        }
        // The guard has spoken for the event streams.
        if let Some(origins) = self.origins.filter(|_| !headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN)) {
            let origin = self.origin.as_ref().and_then(|origin| origin.to_str().ok());
            for (name, value) in origins.headers(origin) {
                if let Ok(value) = HeaderValue::try_from(value) {
                    headers.entry(name).or_insert(value);
                }
            }
        }
        response
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
        let nobody = Asker::of(&HeaderMap::new(), None, false);
        let answer = Failure::Busy(1).answer("/api/v1/status/x", "r-1", &nobody);
        let value = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
        assert_eq!((value("x-request-id"), value("retry-after")), (Some("r-1"), Some("1")));
        assert_eq!((value("x-content-type-options"), value("x-frame-options")), (Some("nosniff"), Some("DENY")));
        let mut own = Response::new(full_body(""));
        own.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private"));
        assert_eq!(secured(own).headers()[header::CACHE_CONTROL], "private");
        for absent in ["access-control-allow-origin", "vary", "strict-transport-security", "traceparent"] {
            assert_eq!(value(absent), None, "{absent}");
        }
    }

    #[test]
    fn a_page_of_an_allowed_origin_can_read_why_the_host_refused() {
        const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let origins = Origins::new(vec!["https://app.example".to_owned()]);
        let answer = |origin: &'static str, encrypted: bool| {
            let mut sent = HeaderMap::new();
            sent.insert(header::ORIGIN, HeaderValue::from_static(origin));
            sent.insert(TRACEPARENT, HeaderValue::from_static(TRACE));
            Failure::TooLarge.answer("/api/v1/upload", "r-1", &Asker::of(&sent, Some(&origins), encrypted))
        };
        let known = answer("https://app.example", true);
        let value = |name: &str| known.headers().get(name).and_then(|value| value.to_str().ok());
        assert_eq!(value("access-control-allow-origin"), Some("https://app.example"));
        assert!(value("access-control-expose-headers").is_some_and(|names| names.contains("Retry-After")));
        assert_eq!((value("traceparent"), value("traceresponse")), (Some(TRACE), Some(TRACE)));
        assert_eq!(value("strict-transport-security"), Some("max-age=31536000"));
        let unknown = answer("https://evil.example", false);
        assert!(!unknown.headers().contains_key("access-control-allow-origin"));
        assert!(!unknown.headers().contains_key("strict-transport-security"));
        assert_eq!(unknown.headers()["vary"], "Origin");
    }

    #[test]
    fn what_the_guard_said_of_an_answer_stands() {
        let origins = Origins::new(vec!["https://app.example".to_owned()]);
        let mut sent = HeaderMap::new();
        sent.insert(header::ORIGIN, HeaderValue::from_static("https://app.example"));
        let mut preflight = Response::new(full_body(""));
        preflight.headers_mut().insert("access-control-allow-origin", HeaderValue::from_static("https://app.example"));
        let told = Asker::of(&sent, Some(&origins), false).told(preflight);
        assert!(!told.headers().contains_key("access-control-expose-headers"));
    }
}
