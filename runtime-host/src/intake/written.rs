//! Answers written by hand, for connections that no server has: a head as HTTP/1.1 wants it, after which the connection
//! closes. What waits for the client is one small answer, [`WITHIN`] long.

use std::time::{Duration, SystemTime};

use bytes::{BufMut, Bytes, BytesMut};
use http::response::Parts;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::BodyExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// How long a client may take to receive a small answer.
const WITHIN: Duration = Duration::from_secs(10);

/// The head of an answer whose body comes in chunks (RFC 9112, 7.1), and whose connection ends with it.
#[must_use]
pub fn head_of_chunks(answer: &mut Parts) -> Bytes {
    answer.headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    head_of(answer)
}

/// The head of an answer that ends when the connection does.
fn head_of(answer: &mut Parts) -> Bytes {
    answer.headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    if let Ok(date) = HeaderValue::try_from(httpdate::fmt_http_date(SystemTime::now())) {
        answer.headers.entry(header::DATE).or_insert(date);
    }
    let mut head = BytesMut::with_capacity(1024);
    head.put_slice(b"HTTP/1.1 ");
    head.put_slice(answer.status.as_str().as_bytes());
    head.put_u8(b' ');
    head.put_slice(answer.status.canonical_reason().unwrap_or_default().as_bytes());
    head.put_slice(b"\r\n");
    for (name, value) in &answer.headers {
        head.put_slice(name.as_str().as_bytes());
        head.put_slice(b": ");
        head.put_slice(value.as_bytes());
        head.put_slice(b"\r\n");
    }
    head.put_slice(b"\r\n");
    head.freeze()
}

/// Writes an answer whose body is there, and closes. A client that has gone is none of our business.
pub async fn respond<B: http_body::Body<Data = Bytes>>(mut stream: TcpStream, answer: Response<B>) {
    let (mut parts, body) = answer.into_parts();
    let Ok(body) = body.collect().await else { return };
    let body = body.to_bytes();
    if parts.status != StatusCode::NO_CONTENT {
        parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    }
    let mut bytes = BytesMut::from(&*head_of(&mut parts));
    bytes.put_slice(&body);
    if let Ok(Ok(())) = tokio::time::timeout(WITHIN, stream.write_all(&bytes)).await {
        let _ = stream.shutdown().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_says_that_the_connection_ends_with_it() {
        let (mut parts, ()) = Response::builder().status(200).header("x-a", "1").body(()).unwrap().into_parts();
        let head = head_of(&mut parts);
        let text = std::str::from_utf8(&head).unwrap();
        assert!(text.starts_with("HTTP/1.1 200 OK\r\nx-a: 1\r\nconnection: close\r\ndate: "), "{text}");
        assert!(text.ends_with(" GMT\r\n\r\n"), "{text}");
    }
}
