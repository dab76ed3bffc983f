//! Tells from a connection's first bytes whether they are the head of a plain `GET` for a wanted path, and reads it.
//! Bounded: [`HEADERS`] headers.

use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Uri, Version, header};
use httparse::Status;

/// The most headers that are read here; a server may take more.
const HEADERS: usize = 64;
/// What such a request begins with.
const BEGINNING: &[u8] = b"GET /";
/// What an HTTP/2 client that knows what it talks to begins with (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Headers that make a request more than plain: the server knows what to do with them.
const NOT_PLAIN: [HeaderName; 4] = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::UPGRADE, header::EXPECT];

/// What the bytes are.
#[derive(Debug)]
pub enum Seen {
    /// A whole request, and nothing after it.
    Whole(Box<Parts>),
    /// The beginning of one, as far as can be told.
    More,
    /// HTTP/2.
    Http2,
    /// Anything else.
    Other,
}

/// Looks at what has come so far.
pub fn see(bytes: &[u8], takes: impl Fn(&str) -> bool) -> Seen {
    if bytes.starts_with(PREFACE) {
        return Seen::Http2;
    }
    if !begins(bytes, BEGINNING) {
        return if begins(bytes, PREFACE) { Seen::More } else { Seen::Other };
    }
    // The path is looked at as soon as it is whole, so that requests for others are not held up.
    if path(bytes).is_some_and(|path| !takes(path)) {
        return Seen::Other;
    }
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(bytes) {
        Ok(Status::Partial) => Seen::More,
        Ok(Status::Complete(length)) if length == bytes.len() => {
            parts(&request).map_or(Seen::Other, |parts| Seen::Whole(Box::new(parts)))
        }
        _ => Seen::Other,
    }
}

/// Whether the bytes are those of `beginning`, as far as both go.
fn begins(bytes: &[u8], beginning: &[u8]) -> bool {
    let known = bytes.len().min(beginning.len());
    bytes.get(..known) == beginning.get(..known)
}

/// The path without its query, once something follows that ends it. What is no text is no path of ours.
fn path(bytes: &[u8]) -> Option<&str> {
    let target = bytes.get(4..)?;
    let end = target.iter().position(|byte| matches!(byte, b' ' | b'?' | b'#' | b'\r' | b'\n'))?;
    Some(std::str::from_utf8(target.get(..end)?).unwrap_or_default())
}

fn parts(request: &httparse::Request<'_, '_>) -> Option<Parts> {
    let (mut parts, ()) = http::Request::new(()).into_parts();
    // An older client knows no chunks, which the server knows.
    if request.version? != 1 {
        return None;
    }
    parts.method = Method::GET;
    parts.uri = Uri::try_from(request.path?).ok()?;
    parts.version = Version::HTTP_11;
    for found in request.headers.iter() {
        let name = HeaderName::from_bytes(found.name.as_bytes()).ok()?;
        parts.headers.append(name, HeaderValue::from_bytes(found.value).ok()?);
    }
    (!NOT_PLAIN.iter().any(|name| parts.headers.contains_key(name))).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &str) -> Seen {
        see(bytes.as_bytes(), |path| path == "/a")
    }

    #[test]
    fn a_plain_request_is_read_when_it_is_whole() {
        let text = "GET /a?b=c HTTP/1.1\r\nhost: x\r\nx-y: 1\r\nx-y: 2\r\n\r\n";
        for end in 0..text.len() {
            assert!(matches!(of(&text[..end]), Seen::More), "{end}");
        }
        let Seen::Whole(parts) = of(text) else { panic!("not taken") };
        assert_eq!((parts.uri.path(), parts.uri.query(), parts.version), ("/a", Some("b=c"), Version::HTTP_11));
        assert_eq!(parts.headers.get_all("x-y").iter().count(), 2);
        assert!(matches!(of("GET /a HTTP/1.0\r\n\r\n"), Seen::Other), "it knows no chunks");
    }

    #[test]
    fn http2_is_known_by_its_preface() {
        let preface = std::str::from_utf8(PREFACE).unwrap();
        for end in 1..preface.len() {
            assert!(matches!(of(&preface[..end]), Seen::More), "{end}");
        }
        assert!(matches!(of(&format!("{preface}\0")), Seen::Http2));
    }

    #[test]
    fn everything_else_is_for_the_server() {
        for text in [
            "POST /a HTTP/1.1\r\n",
            "PRI * HTTP/1.1\r\n\r\n",
            "PUT /a HTTP/1.1\r\n",
            "GET http://x/a HTTP/1.1\r\n",
            "GET /b ",
            "GET /ab?",
            "GET /a HTTP/2.0\r\n\r\n",
            "GET /a HTTP/1.1\r\n bad\r\n\r\n",
            "GET /a HTTP/1.1\r\ncontent-length: 0\r\n\r\n",
            "GET /a HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            "GET /a HTTP/1.1\r\nupgrade: h2c\r\n\r\n",
            "GET /a HTTP/1.1\r\nhost: x\r\n\r\nGET /a HTTP/1.1\r\n\r\n",
        ] {
            assert!(matches!(of(text), Seen::Other), "{text}");
        }
        let many = format!("GET /a HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(HEADERS + 1));
        assert!(matches!(of(&many), Seen::Other));
        assert!(matches!(see(b"GET /\xff HTTP/1.1\r\n", |path| path == "/a"), Seen::Other));
    }
}
