//! Asking the guard: what it is told of a request, and how its refusals become problems.

use http::HeaderMap;
use http::header::COOKIE;
use http::request::Parts;
use image2model_domain::browser_session;
use image2model_domain::trace::TraceContext;
use image2model_domain::{JobId, Problem};

use crate::bindings::{Answer, Budget, Facts, Level, Verdict, check};
use crate::query::Query;

/// Headers to add to an answer, whatever it is.
pub(crate) type GuardHeaders = Vec<(String, String)>;

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned)
}

/// All values of a header that may be repeated, as one list.
fn joined(headers: &HeaderMap, name: &str) -> Option<String> {
    let all: Vec<&str> = headers.get_all(name).iter().filter_map(|v| v.to_str().ok()).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

/// `Cookie`, however many fields it came in.
fn cookies(headers: &HeaderMap) -> Option<String> {
    browser_session::joined(headers.get_all(COOKIE).iter().filter_map(|v| v.to_str().ok()))
}

/// What proxies say that they were asked in, and after it what the host itself was, which nobody else can write. Whom to
/// believe is the guard's to say.
fn protocols(headers: &HeaderMap) -> String {
    let url = header(headers, "spin-full-url").unwrap_or_default();
    let of_host = url.split_once("://").map_or("http", |(scheme, _)| scheme);
    joined(headers, "x-forwarded-proto").map_or_else(|| of_host.to_owned(), |said| format!("{said}, {of_host}"))
}

/// Where the request was sent to. A host may tell it as the URL's authority, as Spin does, or as the header.
fn host(request: &Parts) -> Option<String> {
    let of_url = || request.uri.authority().map(|authority| authority.as_str().to_owned());
    header(&request.headers, "host").or_else(of_url)
}

/// What the guard is told. Nothing is asked of the caller yet: level open, not counted, no job.
pub(crate) fn facts(request: &Parts, query: &Query, request_id: &str, trace: &TraceContext) -> Facts {
    let headers = &request.headers;
    Facts {
        method: request.method.to_string(),
        route: String::new(),
        path: request.uri.path().to_owned(),
        level: Level::Open,
        budget: Budget::Uncounted,
        request_id: request_id.to_owned(),
        traceparent: trace.to_string(),
        authorization: header(headers, "authorization"),
        cookie: cookies(headers),
        origin: header(headers, "origin"),
        fetch_site: header(headers, "sec-fetch-site"),
        host: host(request),
        preflight_method: header(headers, "access-control-request-method"),
        preflight_headers: header(headers, "access-control-request-headers"),
        client_address: header(headers, "spin-client-addr").unwrap_or_default(),
        forwarded_for: joined(headers, "x-forwarded-for"),
        forwarded_proto: Some(protocols(headers)),
        job_id: None,
        access_token: query.get("access_token").map(str::to_owned),
    }
}

/// Whether the guard takes the request for one over TLS: only to those it says that browsers shall not come otherwise.
pub(crate) fn is_secure(headers: &GuardHeaders) -> bool {
    headers.iter().any(|(name, _)| name == "strict-transport-security")
}

/// Asks, and keeps the facts for later questions.
pub(crate) async fn ask(facts: &Facts) -> Verdict {
    check(facts.clone()).await
}

/// Whether the caller of that request may see the job.
pub(crate) async fn may_see(facts: &Facts, job: &JobId) -> Result<(), Problem> {
    let facts = Facts {
        level: Level::Owner,
        budget: Budget::Uncounted,
        job_id: Some(job.as_str().to_owned()),
        ..facts.clone()
    };
    match check(facts).await {
        Verdict::Pass(_) => Ok(()),
        Verdict::Answer(answer) => Err(problem(&answer).unwrap_or_else(Problem::internal)),
    }
}

/// The tenant that made that request, who must have a key.
pub(crate) async fn user(facts: &Facts) -> Result<String, Problem> {
    let facts = Facts { level: Level::User, budget: Budget::Uncounted, job_id: None, ..facts.clone() };
    match check(facts).await {
        Verdict::Pass(pass) => Ok(pass.caller),
        Verdict::Answer(answer) => Err(problem(&answer).unwrap_or_else(Problem::internal)),
    }
}

/// Headers of a refusal that belong to it rather than to every answer.
const OF_REFUSALS: [&str; 2] = ["www-authenticate", "retry-after"];

/// A refusal as the client reads it; `None` for an answer that is none, like a preflight's.
pub(crate) fn problem(answer: &Answer) -> Option<Problem> {
    let problem = answer.problem.as_ref()?;
    let mut refusal = Problem::new(answer.status, problem.code.clone(), problem.detail.clone());
    for name in OF_REFUSALS {
        if let Some((_, value)) = answer.headers.iter().find(|(given, _)| given == name) {
            refusal = refusal.with_header(name, value.clone());
        }
    }
    Some(refusal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_headers_on_as_they_came() {
        let request = http::Request::get("http://h/api/v1/status/x?access_token=t%2Et")
            .header("authorization", "bEaReR k")
            .header("spin-client-addr", "10.0.0.9:4711")
            .header("x-forwarded-for", "1.1.1.1")
            .header("x-forwarded-for", "2.2.2.2")
            .header("cookie", "theme=dark")
            .header("cookie", "image2model_session=s")
            .header("spin-full-url", "https://h/api/v1/status/x")
            .body(())
            .unwrap();
        let (parts, ()) = request.into_parts();
        let query = Query::parse(parts.uri.query().unwrap());
        let facts = facts(&parts, &query, "r1", &TraceContext::accept(None, [1; 16], [2; 8]));
        assert_eq!(facts.path, "/api/v1/status/x");
        assert_eq!(facts.authorization.as_deref(), Some("bEaReR k"));
        assert_eq!(facts.forwarded_for.as_deref(), Some("1.1.1.1, 2.2.2.2"));
        assert_eq!(facts.cookie.as_deref(), Some("theme=dark; image2model_session=s"));
        assert_eq!(facts.forwarded_proto.as_deref(), Some("https"));
        assert_eq!(facts.client_address, "10.0.0.9:4711");
        assert_eq!(facts.access_token.as_deref(), Some("t.t"));
        assert_eq!((facts.host.as_deref(), facts.fetch_site), (Some("h"), None));
    }

    #[test]
    fn what_the_host_was_asked_in_stands_last() {
        let of = |given: &[(&'static str, &str)]| {
            let pairs = given.iter().map(|(name, value)| ((*name).try_into().unwrap(), value.parse().unwrap()));
            protocols(&pairs.collect::<Vec<(http::HeaderName, _)>>().into_iter().collect())
        };
        assert_eq!(of(&[("x-forwarded-proto", "https"), ("spin-full-url", "http://h/")]), "https, http");
        assert_eq!(of(&[("x-forwarded-proto", "http"), ("spin-full-url", "https://h/")]), "http, https");
        assert_eq!(of(&[("x-forwarded-proto", "https")]), "https, http");
        assert_eq!(of(&[]), "http");
    }
}
