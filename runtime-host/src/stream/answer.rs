//! The heads of answers, and refusals.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, Empty, Full};
use image2model_domain::problem::{CONTENT_TYPE, Problem};
use image2model_domain::request_id::{HEADER, is_acceptable};

use super::{Body, Response};

/// Headers to be added to an answer, as the guard gives them.
pub type Added = [(String, String)];

/// What every answer of one request has in common.
pub struct Reply<'a> {
    pub path: &'a str,
    pub request_id: &'a str,
    pub added: &'a Added,
}

impl Reply<'_> {
    /// An answer with this status and body.
    pub fn with(&self, status: StatusCode, body: Body) -> Response {
        let mut response = http::Response::new(body);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Ok(id) = HeaderValue::try_from(self.request_id) {
            headers.insert(HEADER, id);
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
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
        response
    }

    /// A refusal.
    pub fn problem(&self, problem: &Problem) -> Response {
        let body = problem.body(self.path, self.request_id).to_string();
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

/// The request's own id when it is a good one (CONTRACT: Request id), else a new one.
pub fn request_id(headers: &http::HeaderMap) -> String {
    let given = headers.get(HEADER).and_then(|id| id.to_str().ok()).filter(|id| is_acceptable(id));
    given.map_or_else(|| uuid::Uuid::new_v4().simple().to_string(), str::to_owned)
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
            request_id(&headers)
        };
        assert_eq!(id_of("a.B_9-"), "a.B_9-");
        for bad in ["", "a b", &"a".repeat(129)] {
            assert_eq!(id_of(bad).len(), 32);
        }
    }
}
