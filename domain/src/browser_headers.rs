//! What answers tell browsers: whether another site's pages may read them (CORS), not to come without TLS, and what pages may
//! load. The guard says it of components' answers, the host of those that it gives in a component's place.

/// Name and value of a header, the name in lower case.
pub type Header = (&'static str, String);

/// Browsers that came over TLS come no other way for a year.
pub const HSTS: (&str, &str) = ("strict-transport-security", "max-age=31536000");

/// What the pages need and no more: their own scripts and styles, pictures made in the page, models read from blobs. `streams`
/// is the address of a stream server that the status component sends pages to; empty where the service has its own.
#[must_use]
pub fn page_policy(streams: &str) -> String {
    let origin = origin_of(streams).map(|origin| format!(" {origin}")).unwrap_or_default();
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; \
         connect-src 'self' blob: data:{origin}; worker-src 'self' blob:; font-src 'self'; manifest-src 'self'; \
         base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
}

/// Scheme, host and port of an address; nothing of what cannot stand in a policy.
fn origin_of(address: &str) -> Option<&str> {
    let (scheme, rest) = address.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']');
    let is_origin = matches!(scheme, "http" | "https") && !authority.is_empty() && authority.bytes().all(fits);
    address.get(..scheme.len() + 3 + authority.len()).filter(|_| is_origin)
}

const METHODS: &str = "GET, HEAD, POST, PUT, DELETE, OPTIONS";
const REQUEST_HEADERS: &str = "Authorization, Content-Type, Idempotency-Key, If-Match, If-Modified-Since, If-None-Match, If-Range, \
     If-Unmodified-Since, Last-Event-ID, Range, X-Request-ID, traceparent, tracestate";
const EXPOSED_HEADERS: &str = "Accept-Ranges, Allow, Content-Disposition, Content-Range, ETag, Location, RateLimit, \
     RateLimit-Policy, Retry-After, WWW-Authenticate, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, \
     X-Request-ID, traceparent, traceresponse";
const MAX_AGE_SECONDS: &str = "600";

/// Origins whose pages may read answers (`ALLOWED_ORIGINS`); by default none. An unknown origin gets no CORS headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origins {
    /// `*`.
    Any,
    /// These, without a slash at the end.
    These(Vec<String>),
}

impl Default for Origins {
    fn default() -> Self {
        Self::These(Vec::new())
    }
}

fn header(name: &'static str, value: &str) -> Header {
    (name, value.to_owned())
}

impl Origins {
    /// Those of a list in which `*` stands for all.
    #[must_use]
    pub fn new(list: Vec<String>) -> Self {
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
    #[must_use]
    pub fn headers(&self, origin: Option<&str>) -> Vec<Header> {
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
    /// `wanted` is the request's `Access-Control-Request-Method`.
    #[must_use]
    pub fn preflight(&self, method: &str, origin: Option<&str>, wanted: Option<&str>) -> Option<Vec<Header>> {
        let origin = origin?;
        wanted.filter(|_| method == "OPTIONS")?;
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

    fn value<'a>(headers: &'a [Header], name: &str) -> Option<&'a str> {
        headers.iter().find(|(n, _)| *n == name).map(|(_, v)| v.as_str())
    }

    #[test]
    fn pages_may_reach_the_stream_server_that_they_are_sent_to() {
        let connect = |streams| {
            let policy = page_policy(streams);
            assert!(!policy.contains("  ") && !policy.contains('\n'), "{policy}");
            policy.split("; ").find(|part| part.starts_with("connect-src")).unwrap().to_owned()
        };
        let own = "connect-src 'self' blob: data:";
        for (streams, origin) in [
            ("http://127.0.0.1:3002", " http://127.0.0.1:3002"),
            ("https://s.example/streams/?x", " https://s.example"),
            ("", ""),
            ("wss://s.example", ""),
            ("https://", ""),
            ("https://s.example; script-src *", ""),
        ] {
            assert_eq!(connect(streams), format!("{own}{origin}"), "{streams}");
        }
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
        let known = Some("https://app.example");
        assert!(origins.preflight("OPTIONS", known, None).is_none());
        assert!(origins.preflight("POST", known, Some("POST")).is_none());
        let headers = origins.preflight("OPTIONS", known, Some("POST")).unwrap();
        let allowed: Vec<&str> = value(&headers, "access-control-allow-headers").unwrap().split(", ").collect();
        for name in ["Authorization", "If-Match", "If-None-Match", "If-Unmodified-Since", "Range"] {
            assert!(allowed.contains(&name), "{name} in {allowed:?}");
        }
        let unknown = origins.preflight("OPTIONS", Some("https://evil.example"), Some("POST")).unwrap();
        assert_eq!(value(&unknown, "access-control-allow-origin"), None);
    }
}
