//! The heads of answers, and refusals.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, Empty, Full};
use image2model_domain::problem::{CONTENT_TYPE, Problem};
use image2model_domain::request_id::{HEADER, is_acceptable};
use image2model_domain::trace::{self, TraceContext};

use super::{Body, Response};

/// What streams are.
pub const EVENT_STREAM: &str = "text/event-stream";

/// Headers to be added to an answer, as the guard gives them.
pub type Added = [(String, String)];

/// What every answer of one request has in common.
pub struct Reply<'a> {
    pub path: &'a str,
    pub names: &'a Names,
    pub added: &'a Added,
}

impl Reply<'_> {
    /// An answer with this status and body.
    pub fn with(&self, status: StatusCode, body: Body) -> Response {
        let mut response = http::Response::new(body);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let trace = self.names.trace.to_string();
        for (name, value) in [(HEADER, &self.names.request_id), (trace::HEADER, &trace), (trace::ANSWER_HEADER, &trace)]
        {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(name, value);
            }
        }
        for (name, value) in self.added {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                headers.append(name, value);
            }
        }
        response
    }

    /// An answer without a body.
    pub fn empty(&self, status: StatusCode) -> Response {
        self.with(status, empty())
    }

    /// An answer that streams.
    pub fn stream(&self, body: Body) -> Response {
        let mut response = self.with(StatusCode::OK, body);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(EVENT_STREAM));
        headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
        response
    }

    /// A refusal.
    pub fn problem(&self, problem: &Problem) -> Response {
        let body = problem.body(self.path, &self.names.request_id).to_string();
        let status = StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = self.with(status, full(body));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
        for (name, value) in problem.headers() {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(*name, value);
            }
        }
        response
    }
}

/// What a request is called in logs and answers: its own id and trace when they are good ones, else
/// new ones.
pub struct Names {
    pub request_id: String,
    pub trace: TraceContext,
}

impl Names {
    pub fn of(headers: &HeaderMap) -> Self {
        let given = headers.get(HEADER).and_then(|id| id.to_str().ok()).filter(|id| is_acceptable(id));
        let request_id = given.map_or_else(|| uuid::Uuid::new_v4().simple().to_string(), str::to_owned);
        let caller = crate::trace::only(headers);
        Self { request_id, trace: TraceContext::accept(caller, rand::random(), rand::random()) }
    }
}

/// No bytes.
pub fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

fn full(text: String) -> Body {
    Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed_unsync()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_request_id_is_replaced() {
        let id_of = |value: &str| {
            let mut headers = http::HeaderMap::new();
            headers.insert("x-request-id", value.parse().unwrap());
            Names::of(&headers).request_id
        };
        assert_eq!(id_of("a.B_9-"), "a.B_9-");
        for bad in ["", "a b", &"a".repeat(129)] {
            assert_eq!(id_of(bad).len(), 32);
        }
    }
}
