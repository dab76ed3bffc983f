//! Who may open a stream: asked of the guard, the component that every endpoint asks. Here are only the words of the
//! question and the answer (`wit/guard/guard.wit`); whoever wires the host connects them to the component.

use std::net::SocketAddr;

use async_trait::async_trait;
use http::HeaderMap;
use http::header::COOKIE;
use image2model_domain::{JobId, browser_session};

use super::answer::Names;
use super::routes::Target;
use crate::intake::Encrypted;

/// Decides about one request.
#[async_trait]
pub trait Authorizer: Send + Sync + 'static {
    /// What the guard says to a request with these facts. A guard that cannot answer refuses with 503.
    async fn check(&self, facts: StreamFacts) -> Verdict;
}

/// How much the route asks of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Nothing: preflights, and requests that can only be refused.
    Open,
    /// A key.
    User,
    /// Whoever may see the job.
    Owner,
}

/// Which allowance the request is counted against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Budget {
    /// None.
    Uncounted,
    /// The ordinary one.
    Standard,
    /// A long-lived stream, counted once when it opens.
    Stream,
}

/// What the guard is told of a request. Header values as they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamFacts {
    /// `GET`, `HEAD`, `OPTIONS` or any other.
    pub method: String,
    /// The route's pattern.
    pub route: &'static str,
    /// The path as requested, without its query.
    pub path: String,
    /// See [`Level`].
    pub level: Level,
    /// See [`Budget`].
    pub budget: Budget,
    /// Names the request in every log line.
    pub request_id: String,
    /// The request's place in its trace, as a `traceparent` header.
    pub traceparent: String,
    /// `Authorization`.
    pub authorization: Option<String>,
    /// `Cookie`.
    pub cookie: Option<String>,
    /// `Origin`.
    pub origin: Option<String>,
    /// `Sec-Fetch-Site`.
    pub fetch_site: Option<String>,
    /// `Host`, or the URL's authority.
    pub host: Option<String>,
    /// `Access-Control-Request-Method`.
    pub preflight_method: Option<String>,
    /// `Access-Control-Request-Headers`.
    pub preflight_headers: Option<String>,
    /// The peer's address, without its port.
    pub client_address: String,
    /// `X-Forwarded-For`.
    pub forwarded_for: Option<String>,
    /// `X-Forwarded-Proto`, and after it the protocol of the connection, as the guard wants them.
    pub forwarded_proto: Option<String>,
    /// The job that the route names.
    pub job_id: Option<String>,
    /// The query parameter `access_token`.
    pub access_token: Option<String>,
}

/// What the guard decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The request may go on.
    Pass {
        /// The tenant: `key:…` or `anonymous`.
        caller: String,
        /// The client's address, as the trusted proxies tell it.
        client_address: String,
        /// To be added to the answer, whatever it is.
        headers: Vec<(String, String)>,
    },
    /// The answer to give at once: a refusal, or a preflight's.
    Answer {
        /// HTTP status.
        status: u16,
        /// To be added to the answer.
        headers: Vec<(String, String)>,
        /// Why, when it is a refusal: stable code and a sentence.
        problem: Option<(String, String)>,
    },
}

impl StreamFacts {
    /// The facts of a request for one of our routes.
    #[must_use]
    pub fn of(head: &http::request::Parts, target: &Target, names: &Names, client: SocketAddr) -> Self {
        let (level, budget) = demands(&head.method, target.job.as_ref());
        let header = |name: &str| header(&head.headers, name);
        let own = if head.extensions.get::<Encrypted>().is_some() { "https" } else { "http" };
        Self {
            method: head.method.to_string(),
            route: target.route,
            path: head.uri.path().to_owned(),
            level,
            budget,
            request_id: names.request_id.clone(),
            traceparent: names.trace.to_string(),
            authorization: header("authorization"),
            cookie: cookies(&head.headers),
            origin: header("origin"),
            fetch_site: header("sec-fetch-site"),
            host: header("host").or_else(|| head.uri.authority().map(ToString::to_string)),
            preflight_method: header("access-control-request-method"),
            preflight_headers: header("access-control-request-headers"),
            client_address: client.ip().to_canonical().to_string(),
            forwarded_for: header("x-forwarded-for"),
            forwarded_proto: Some(match header("x-forwarded-proto") {
                Some(said) => format!("{said}, {own}"),
                None => own.to_owned(),
            }),
            job_id: target.job.as_ref().map(ToString::to_string),
            access_token: target.access_token.clone(),
        }
    }
}

fn demands(method: &http::Method, job: Option<&JobId>) -> (Level, Budget) {
    match (method.as_str(), job) {
        ("GET", Some(_)) => (Level::Owner, Budget::Stream),
        ("HEAD", Some(_)) => (Level::Owner, Budget::Standard),
        ("OPTIONS", _) => (Level::Open, Budget::Uncounted),
        _ => (Level::Open, Budget::Standard),
    }
}

/// `Cookie`, however many fields it came in.
fn cookies(headers: &HeaderMap) -> Option<String> {
    browser_session::joined(headers.get_all(COOKIE).iter().filter_map(|v| v.to_str().ok()))
}

/// A header's values as text, joined as RFC 9110 §5.3 says.
fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    let values: Vec<_> = headers.get_all(name).iter().map(|v| String::from_utf8_lossy(v.as_bytes())).collect();
    (!values.is_empty()).then(|| values.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_of_several_fields_are_joined_as_cookies_are() {
        let request = http::Request::get(format!("/api/v1/status/stream/{}", "1".repeat(32)))
            .header("cookie", "theme=dark")
            .header("cookie", "image2model_session=s")
            .header("x-forwarded-for", "1.1.1.1")
            .header("x-forwarded-for", "2.2.2.2")
            .body(())
            .unwrap();
        let (head, ()) = request.into_parts();
        let (target, names) = (Target::of(&head.uri).unwrap(), Names::of(&head.headers));
        let facts = StreamFacts::of(&head, &target, &names, ([10, 0, 0, 9], 4711).into());
        assert_eq!(facts.cookie.as_deref(), Some("theme=dark; image2model_session=s"));
        assert_eq!(facts.forwarded_for.as_deref(), Some("1.1.1.1, 2.2.2.2"));
    }

    #[test]
    fn the_guard_is_told_how_the_connection_was_after_what_proxies_say() {
        let proto = |said: Option<&str>, encrypted: bool| {
            let request = http::Request::get(format!("/api/v1/status/stream/{}", "1".repeat(32)));
            let request = said.into_iter().fold(request, |request, said| request.header("x-forwarded-proto", said));
            let (mut head, ()) = request.body(()).unwrap().into_parts();
            if encrypted {
                head.extensions.insert(Encrypted);
            }
            let (target, names) = (Target::of(&head.uri).unwrap(), Names::of(&head.headers));
            StreamFacts::of(&head, &target, &names, ([10, 0, 0, 9], 4711).into()).forwarded_proto.unwrap()
        };
        assert_eq!((proto(None, false), proto(None, true)), ("http".to_owned(), "https".to_owned()));
        assert_eq!(proto(Some("https"), false), "https, http");
        assert_eq!(proto(Some("http"), true), "http, https");
    }
}
