//! Spans of HTTP, in the words of OpenTelemetry's semantic conventions: a request that came in, and one that goes out.

use ::http::{HeaderMap, HeaderValue, Request, StatusCode, Uri};
use image2model_domain::trace::{HEADER, TraceContext};

use super::{Kind, Span};

/// The caller's `traceparent`. One that is there twice names no trace.
#[must_use]
pub fn only(headers: &HeaderMap) -> Option<&str> {
    let mut sent = headers.get_all(HEADER).iter();
    sent.next().filter(|_| sent.next().is_none()).and_then(|value| value.to_str().ok())
}

/// Begins the span of a request that came in, and puts our own place in its trace where the caller's was, so that whoever
/// handles the request goes on from there. While spans are off the place is one that nobody records.
pub fn received<B>(request: &mut Request<B>) -> Span {
    let caller = only(request.headers());
    let span = Span::begin(Kind::Server, caller, || request.method().to_string());
    span.set("http.request.method", || request.method().to_string());
    span.set("url.path", || request.uri().path().to_owned());
    let place = span.traceparent().or_else(|| {
        let caller = caller.filter(|caller| TraceContext::parse(caller).is_some());
        caller.map(|_| TraceContext::accept(caller, rand::random(), rand::random()).to_string())
    });
    put(request.headers_mut(), place);
    span
}

/// Begins the span of a request that goes out: within the trace that its header names, and then it hands its own place on; else
/// within that of what the sender was `asked`, and then whoever receives it is told nothing.
pub fn sent<B>(request: &mut Request<B>, asked: Option<&str>) -> Span {
    let named = only(request.headers()).map(str::to_owned);
    let Some(within) = named.as_deref().or(asked) else { return Span::default() };
    let span = Span::begin(Kind::Client, Some(within), || request.method().to_string());
    span.set("http.request.method", || request.method().to_string());
    let uri = request.uri();
    span.set("server.address", || uri.host().unwrap_or_default().to_owned());
    span.set("server.port", || i64::from(uri.port_u16().unwrap_or(80)));
    span.set("url.full", || without_query(uri));
    if named.is_some() {
        hand_on(request.headers_mut(), &span);
    }
    span
}

/// Puts a span's place in its trace into the headers of whoever works for it; leaves them as they are while spans are off.
pub fn hand_on(headers: &mut HeaderMap, span: &Span) {
    put(headers, span.traceparent());
}

impl Span {
    /// Says how a request was answered, and whether that is a fault: for who answers a 5xx, for who asks a 4xx as well.
    pub fn answered(&self, status: StatusCode, fault: bool) {
        self.set("http.response.status_code", || i64::from(status.as_u16()));
        if fault {
            self.fail(status.as_u16().to_string());
        }
    }
}

fn put(headers: &mut HeaderMap, place: Option<String>) {
    if let Some(value) = place.and_then(|place| HeaderValue::try_from(place).ok()) {
        headers.insert(HEADER, value);
    }
}

/// Queries may hold what opens something.
fn without_query(uri: &Uri) -> String {
    let text = uri.to_string();
    text.split('?').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_caller_is_answered_from_a_place_of_our_own_in_its_trace() {
        let mut request = Request::get("/").header(HEADER, SENT).body(()).unwrap();
        received(&mut request);
        let place = only(request.headers()).unwrap();
        assert!(place.starts_with(&SENT[..36]) && place != SENT, "{place}");
    }

    #[test]
    fn what_names_no_trace_is_left_as_it_is() {
        let mut twice = Request::get("http://a/b?c=d").header(HEADER, SENT).header(HEADER, SENT).body(()).unwrap();
        assert!(only(twice.headers()).is_none());
        sent(&mut twice, None);
        assert_eq!(twice.headers().get_all(HEADER).iter().count(), 2);
        assert_eq!(without_query(twice.uri()), "http://a/b");
    }
}
