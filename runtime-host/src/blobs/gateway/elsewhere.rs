//! Files that the provider keeps, passed through: `GET` or `HEAD {gateway}/elsewhere?url=…`. Components have no way to the
//! provider's hosts; whoever wires the host brings one that goes to allowed hosts only.

use std::io;

use async_trait::async_trait;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream::BoxStream;
use http::header::{
    CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
    IF_UNMODIFIED_SINCE, LAST_MODIFIED, RANGE,
};
use http::response::Parts;
use http::{HeaderMap, Method, StatusCode};

use super::conditions;

/// What a client may ask of such a file.
const ASKED: [HeaderName; 6] = [RANGE, IF_RANGE, IF_MATCH, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE];
/// What is told of it; its media type and name are ours to say.
const TOLD: [HeaderName; 4] = [CONTENT_LENGTH, CONTENT_RANGE, ETAG, LAST_MODIFIED];
/// What is told of one that is another than the client wants.
const VERSION: [HeaderName; 2] = [ETAG, LAST_MODIFIED];

/// A file's bytes as they come.
pub type Chunks = BoxStream<'static, io::Result<Bytes>>;

/// Why a file elsewhere cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ElsewhereError {
    /// Its host is not on the allow-list, or no URL names it.
    #[error("not an allowed host: {0}")]
    Forbidden(String),
    /// Its host does not answer, or with a failure of its own.
    #[error("it cannot be had: {0}")]
    Away(String),
}

impl ElsewhereError {
    /// Stable name for logs and answers.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Forbidden(_) => "HOST_NOT_ALLOWED",
            Self::Away(_) => "ELSEWHERE_AWAY",
        }
    }

    /// The HTTP status that says it.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Forbidden(_) => 403,
            Self::Away(_) => 502,
        }
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Away(_))
    }

    /// Label for counting.
    #[must_use]
    pub fn metric_label(&self) -> &'static str {
        match self {
            Self::Forbidden(_) => "forbidden",
            Self::Away(_) => "away",
        }
    }
}

/// Opens files elsewhere.
#[async_trait]
pub trait Elsewhere: Send + Sync + 'static {
    /// Asks for `url` with these headers; the answer is the host's own: 200, 206, 304, 404, 412 or 416.
    async fn open(
        &self,
        method: Method,
        url: &str,
        headers: HeaderMap,
    ) -> Result<http::Response<Chunks>, ElsewhereError>;
}

/// Passes a request on and its answer back, unless that is of another version than the client wants.
pub(super) async fn pass(elsewhere: &dyn Elsewhere, request: Request) -> Response {
    let query = request.uri().query().unwrap_or_default().as_bytes();
    let url = url::form_urlencoded::parse(query).find_map(|(name, value)| (name == "url").then(|| value.into_owned()));
    let asked = picked(request.headers(), &ASKED);
    let opened = elsewhere.open(request.method().clone(), &url.unwrap_or_default(), asked.clone()).await;
    match opened {
        Ok(answer) => {
            let (head, chunks) = answer.into_parts();
            if is_unwanted(&asked, &head) {
                return (StatusCode::PRECONDITION_FAILED, picked(&head.headers, &VERSION)).into_response();
            }
            let mut response = (head.status, Body::from_stream(chunks)).into_response();
            response.headers_mut().extend(picked(&head.headers, &TOLD));
            response
        }
        Err(error) => {
            tracing::warn!(%error, code = error.code(), kind = error.metric_label(), "a file that the provider keeps was not opened");
            StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_GATEWAY).into_response()
        }
    }
}

/// Whether the client wants another version than this. Hosts of files know ranges, but few look at `If-Match`. One that tells no
/// tag is believed.
fn is_unwanted(asked: &HeaderMap, head: &Parts) -> bool {
    let is_there = matches!(head.status, StatusCode::OK | StatusCode::PARTIAL_CONTENT | StatusCode::NOT_MODIFIED);
    let told = |name: HeaderName| head.headers.get(name).and_then(|value| value.to_str().ok());
    let modified = told(LAST_MODIFIED).and_then(|date| httpdate::parse_http_date(date).ok());
    is_there && told(ETAG).is_some_and(|etag| conditions::is_unwanted(asked, etag, modified))
}

fn picked(headers: &HeaderMap, names: &[HeaderName]) -> HeaderMap {
    let mut picked = HeaderMap::new();
    for name in names {
        headers.get_all(name).iter().for_each(|value| {
            picked.append(name.clone(), value.clone());
        });
    }
    picked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(status: u16, told: &[(HeaderName, &str)]) -> Parts {
        let answer = http::Response::builder().status(status);
        let answer = told.iter().fold(answer, |answer, (name, value)| answer.header(name, *value));
        answer.body(()).unwrap().into_parts().0
    }

    fn unwanted(name: &HeaderName, value: &str, head: &Parts) -> bool {
        is_unwanted(&HeaderMap::from_iter([(name.clone(), value.parse().unwrap())]), head)
    }

    #[test]
    fn another_version_than_the_wanted_is_not_passed_through() {
        for status in [200, 206, 304] {
            let there = head(status, &[(ETAG, "\"a\"")]);
            for (wanted, is_another) in [("\"b\"", true), ("W/\"a\"", true), ("\"b\", \"a\"", false), ("*", false)] {
                assert_eq!(unwanted(&IF_MATCH, wanted, &there), is_another, "{status} {wanted}");
            }
        }
        let weak = head(200, &[(ETAG, "W/\"a\"")]);
        assert!(unwanted(&IF_MATCH, "W/\"a\"", &weak));
        for other in [head(200, &[]), head(404, &[(ETAG, "\"a\"")]), head(416, &[(ETAG, "\"a\"")])] {
            assert!(!unwanted(&IF_MATCH, "\"b\"", &other), "{other:?}");
        }
    }

    #[test]
    fn a_date_counts_where_the_host_tells_one() {
        let day = "Fri, 20 Nov 2026 10:46:21 GMT";
        let dated = head(200, &[(ETAG, "\"a\""), (LAST_MODIFIED, day)]);
        assert!(unwanted(&IF_UNMODIFIED_SINCE, "Thu, 19 Nov 2026 10:46:21 GMT", &dated));
        assert!(!unwanted(&IF_UNMODIFIED_SINCE, day, &dated));
        assert!(!unwanted(&IF_UNMODIFIED_SINCE, day, &head(200, &[(ETAG, "\"a\"")])));
    }
}
