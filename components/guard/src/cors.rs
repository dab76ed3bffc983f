//! Cross-origin access for the origins of `ALLOWED_ORIGINS`; an unknown origin gets no CORS headers.

use crate::bindings::{Facts, Header};

const METHODS: &str = "GET, HEAD, POST, PUT, DELETE, OPTIONS";
const REQUEST_HEADERS: &str = "Authorization, Content-Type, Idempotency-Key, If-Modified-Since, If-None-Match, If-Range, Last-Event-ID, Range, \
     X-Request-ID, traceparent, tracestate";
const EXPOSED_HEADERS: &str = "Accept-Ranges, Allow, Content-Disposition, Content-Range, ETag, Location, RateLimit, \
     RateLimit-Policy, Retry-After, WWW-Authenticate, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, \
     X-Request-ID, traceparent, traceresponse";
const MAX_AGE_SECONDS: &str = "600";

/// Origins that may read answers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Origins {
    Any,
    These(Vec<String>),
}

fn header(name: &str, value: &str) -> Header {
    (name.to_owned(), value.to_owned())
}

impl Origins {
    pub(crate) fn new(list: Vec<String>) -> Self {
        let without_slash = |origin: String| origin.trim_end_matches('/').to_owned();
        if list.iter().any(|o| o == "*") {
            Self::Any
        } else {
            Self::These(list.into_iter().map(without_slash).collect())
        }
    }

    /// What `Access-Control-Allow-Origin` says to this origin.
    fn allowed(&self, origin: &str) -> Option<String> {
        match self {
            Self::Any => Some("*".to_owned()),
            Self::These(list) => list.iter().find(|o| o.eq_ignore_ascii_case(origin)).map(|_| origin.to_owned()),
        }
    }

    /// Headers of an ordinary answer. Answers that differ by origin say so to caches, to the unknown ones as well.
    pub(crate) fn headers(&self, origin: Option<&str>) -> Vec<Header> {
        let mut headers = Vec::new();
        if matches!(self, Self::These(list) if !list.is_empty()) {
            headers.push(header("vary", "Origin"));
        }
        if let Some(allowed) = origin.and_then(|origin| self.allowed(origin)) {
            headers.push(header("access-control-allow-origin", &allowed));
            headers.push(header("access-control-expose-headers", EXPOSED_HEADERS));
        }
        headers
    }

    /// Headers of a preflight's answer, in place of [`Self::headers`]; `None` when the request is no preflight.
    pub(crate) fn preflight(&self, facts: &Facts) -> Option<Vec<Header>> {
        let origin = facts.origin.as_deref()?;
        facts.preflight_method.as_ref().filter(|_| facts.method == "OPTIONS")?;
        let mut headers = vec![header("vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers")];
        if let Some(allowed) = self.allowed(origin) {
            headers.push(header("access-control-allow-origin", &allowed));
            headers.push(header("access-control-allow-methods", METHODS));
            headers.push(header("access-control-allow-headers", REQUEST_HEADERS));
            headers.push(header("access-control-max-age", MAX_AGE_SECONDS));
        }
        Some(headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::tests::facts;

    fn value<'a>(headers: &'a [Header], name: &str) -> Option<&'a str> {
        headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    #[test]
    fn only_known_origins_may_read() {
        let origins = Origins::new(vec!["https://app.example/".to_owned()]);
        let known = origins.headers(Some("https://app.example"));
        assert_eq!(value(&known, "access-control-allow-origin"), Some("https://app.example"));
        assert!(value(&known, "access-control-expose-headers").is_some_and(|v| v.contains("X-RateLimit-Reset")));
        for unknown in ["https://evil.example", "https://app.example.evil.example", "null"] {
            let headers = origins.headers(Some(unknown));
            assert_eq!(value(&headers, "access-control-allow-origin"), None, "{unknown}");
            assert_eq!(value(&headers, "vary"), Some("Origin"));
        }
        assert!(Origins::new(vec![]).headers(Some("https://app.example")).is_empty());
        assert_eq!(value(&Origins::new(vec!["*".into()]).headers(Some("x")), "access-control-allow-origin"), Some("*"));
    }

    #[test]
    fn a_preflight_names_what_is_allowed() {
        let origins = Origins::new(vec!["https://app.example".to_owned()]);
        let mut facts = facts();
        facts.method = "OPTIONS".into();
        facts.origin = Some("https://app.example".into());
        assert!(origins.preflight(&facts).is_none());
        facts.preflight_method = Some("POST".into());
        let headers = origins.preflight(&facts).unwrap();
        assert!(value(&headers, "access-control-allow-headers").is_some_and(|v| v.contains("Authorization")));
        facts.origin = Some("https://evil.example".into());
        assert_eq!(value(&origins.preflight(&facts).unwrap(), "access-control-allow-origin"), None);
    }
}
