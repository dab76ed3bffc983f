//! What a handler knows of its request: who is calling, which job it is about, what was sent.

use bytes::{Bytes, BytesMut};
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use http::{HeaderMap, Method};
use image2model_domain::trace::TraceContext;
use image2model_domain::{FileId, JobId, Problem, accept};
use spin_sdk::http::Request;
use spin_sdk::http::body::IncomingBodyExt;

use crate::audit::Notes;
use crate::bindings::{Facts, Role};
use crate::failure::Failure;
use crate::query::Query;
use crate::route::Params;

/// The request's body, as it arrives.
pub type BodyStream = BoxStream<'static, Result<Bytes, anyhow::Error>>;

/// A request that the guard let through.
pub struct Context {
    /// Goes into every log line and every answer.
    pub request_id: String,
    /// Its place in its trace; goes into the job's record.
    pub trace: TraceContext,
    /// As it was sent; `HEAD` reaches the handler of `GET`.
    pub method: Method,
    /// As it was sent, without the query.
    pub path: String,
    /// The pattern that matched.
    pub route: &'static str,
    /// The request's headers.
    pub headers: HeaderMap,
    /// The query.
    pub query: Query,
    /// The tenant, as the guard names it.
    pub caller: String,
    /// The client's address, as the guard makes it out.
    pub client_address: String,
    /// SHA-256 of the presented key in hex, if there was one.
    pub key_hash: Option<String>,
    /// What the caller may do.
    pub role: Role,
    /// What the handler says of the call for an audit.
    pub notes: Notes,
    /// The job that the route names, known to exist on routes of level owner. A route by task id has `None` when no job
    /// has that id.
    pub job: Option<JobId>,
    pub(crate) secure: bool,
    pub(crate) params: Params,
    pub(crate) body: Option<BodyStream>,
    pub(crate) facts: Facts,
}

impl Context {
    /// The job that the route names.
    ///
    /// # Errors
    /// 404 when there is none.
    pub fn job(&self) -> Result<JobId, Failure> {
        self.job.clone().ok_or_else(|| Problem::job_not_found().into())
    }

    /// The file that the route names.
    ///
    /// # Errors
    /// 404 when it is not a file's id.
    pub fn file(&self) -> Result<FileId, Failure> {
        FileId::parse(self.param("file_id")).map_err(|_| Problem::file_not_found().into())
    }

    /// The value of one of the pattern's names, decoded; empty when the pattern has no such name.
    #[must_use]
    pub fn param(&self, name: &str) -> &str {
        self.params.iter().find(|(n, _)| *n == name).map_or("", |(_, v)| v.as_str())
    }

    /// The value of a header, when it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|v| v.to_str().ok())
    }

    /// All of the request's cookies, however many header fields they came in.
    #[must_use]
    pub fn cookies(&self) -> Option<&str> {
        self.facts.cookie.as_deref()
    }

    /// Whether the request came over TLS, as the guard makes it out.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// Whether only the head of the answer is wanted.
    #[must_use]
    pub fn is_head(&self) -> bool {
        self.method == Method::HEAD
    }

    /// Whether the client names this media type in `Accept`.
    #[must_use]
    pub fn accepts(&self, media_type: &str) -> bool {
        let named = |range: &str| range.split(';').next().is_some_and(|m| m.trim().eq_ignore_ascii_case(media_type));
        self.header("accept").is_some_and(|accept| accept.split(',').any(named))
    }

    /// The media type that the client wants most of those on offer; the first when it takes none of them, which is
    /// better than nothing.
    #[must_use]
    pub fn prefers<'a>(&self, offers: &[&'a str]) -> &'a str {
        let named: Vec<&str> = self.headers.get_all("accept").iter().filter_map(|v| v.to_str().ok()).collect();
        let accept = (!named.is_empty()).then(|| named.join(","));
        accept::preferred(accept.as_deref(), offers).or(offers.first().copied()).unwrap_or_default()
    }

    /// The body as a stream; empty when it was taken before.
    pub fn take_body(&mut self) -> BodyStream {
        self.body.take().unwrap_or_else(|| stream::empty().boxed())
    }

    /// The body read as JSON.
    ///
    /// # Errors
    /// 415 when it is said to be something else, 413 when it is longer than `limit` bytes, 400 when it breaks off, 422 when
    /// it is not the JSON that is expected.
    pub async fn json<T: serde::de::DeserializeOwned>(&mut self, limit: usize) -> Result<T, Failure> {
        if self.header("content-type").is_some_and(|declared| !is_json(declared)) {
            return Err(Problem::new(415, "UNSUPPORTED_MEDIA_TYPE", "The request body must be application/json").into());
        }
        let too_long = || Problem::plain(413, format!("The request body is longer than {limit} bytes"));
        if announces_more(self.header("content-length"), limit) {
            return Err(too_long().into());
        }
        let mut body = self.take_body();
        let mut bytes = BytesMut::new();
        while let Some(chunk) = body.try_next().await.map_err(|_| Problem::plain(400, "The request body broke off"))? {
            if bytes.len() + chunk.len() > limit {
                return Err(too_long().into());
            }
            bytes.extend_from_slice(&chunk);
        }
        let text = if bytes.is_empty() { Bytes::from_static(b"{}") } else { bytes.freeze() };
        Ok(serde_json::from_slice(&text).map_err(|e| unexpected_json(&e))?)
    }

    /// Asks the guard whether the caller may see a job that the route does not name: one from a body, or by file name.
    ///
    /// # Errors
    /// The guard's refusal: 404 for a job that does not exist, 403 for one of somebody else.
    pub async fn authorise(&self, job: &JobId) -> Result<(), Failure> {
        crate::guard::may_see(&self.facts, job).await.map_err(Failure::from)
    }

    /// Asks the guard who is calling, on a route where not every request has to say: answers the tenant.
    ///
    /// # Errors
    /// The guard's refusal of a request without a valid key.
    pub async fn user(&self) -> Result<String, Failure> {
        crate::guard::user(&self.facts).await.map_err(Failure::from)
    }
}

/// The body of an incoming request, not yet read.
pub(crate) fn body_of(request: Request) -> BodyStream {
    request.into_body().stream().map_err(anyhow::Error::from).boxed()
}

/// Whether a body is said to be longer than `limit`, so that none of it need be waited for.
fn announces_more(content_length: Option<&str>, limit: usize) -> bool {
    content_length.and_then(|length| length.parse::<u64>().ok()).is_some_and(|length| length > limit as u64)
}

/// Whether a media type is JSON's, or one that is written in JSON.
fn is_json(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// Says where the JSON is not as expected, in no words of ours or of the parser's types.
fn unexpected_json(error: &serde_json::Error) -> Problem {
    let what = if error.is_data() { "has a value or a field that does not fit" } else { "is not JSON" };
    let detail = format!("The request body {what} (line {}, column {})", error.line(), error.column());
    Problem::new(422, "VALIDATION_ERROR", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_told_from_other_media_types() {
        for json in ["application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"] {
            assert!(is_json(json), "{json}");
        }
        for other in ["", "text/plain", "application/x-www-form-urlencoded", "text/json", "application/jsonp"] {
            assert!(!is_json(other), "{other}");
        }
    }

    #[test]
    fn a_body_is_known_to_be_too_long_before_it_comes() {
        assert!(announces_more(Some("50000000"), 65_536));
        for (announced, limit) in [(Some("65536"), 65_536), (None, 1), (Some("x"), 1)] {
            assert!(!announces_more(announced, limit), "{announced:?}");
        }
    }

    #[test]
    fn bad_json_is_located_and_not_explained_in_rust() {
        let of = |text: &str| unexpected_json(&serde_json::from_str::<u8>(text).unwrap_err()).detail().to_owned();
        let detail = of("\"x\"");
        assert!(
            detail.starts_with("The request body has a value or a field that does not fit (line 1, column "),
            "{detail}"
        );
        assert!(!detail.contains("u8"), "{detail}");
        assert!(of("?").starts_with("The request body is not JSON"));
    }
}
