//! Answers. Every body that is known has its length; streams go out as they come.

use bytes::Bytes;
use futures::{Stream, StreamExt};
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, LOCATION};
use http::{HeaderMap, Response, StatusCode};
use http_body_util::{Empty, Full, StreamBody};
use image2model_domain::{Problem, digest, problem};
use serde::Serialize;
use spin_sdk::http::{BoxBody, box_body};

use crate::context::Context;
use crate::failure::Failure;

/// What a handler answers.
pub type Reply = Response<BoxBody>;

/// A body that is known.
///
/// # Errors
/// Fails on a status or media type that HTTP does not allow.
pub fn full(status: u16, content_type: &str, body: impl Into<Bytes>) -> Result<Reply, Failure> {
    let body = body.into();
    let head = Response::builder().status(status).header(CONTENT_TYPE, content_type).header(CONTENT_LENGTH, body.len());
    Ok(head.body(box_body(Full::new(body)))?)
}

/// No body.
///
/// # Errors
/// Fails on a status that HTTP does not allow.
pub fn empty(status: u16) -> Result<Reply, Failure> {
    Ok(Response::builder().status(status).body(box_body(Empty::new()))?)
}

/// A body that is made while it is sent. Set `content-length` on the answer when it is known.
///
/// # Errors
/// Fails on a status or media type that HTTP does not allow.
pub fn stream<S>(status: u16, content_type: &str, chunks: S) -> Result<Reply, Failure>
where
    S: Stream<Item = Result<Bytes, anyhow::Error>> + Send + 'static,
{
    let body = StreamBody::new(chunks.map(|chunk| chunk.map(http_body::Frame::data)));
    Ok(Response::builder().status(status).header(CONTENT_TYPE, content_type).body(box_body(body))?)
}

/// JSON.
///
/// # Errors
/// Fails when the value cannot be written as JSON.
pub fn json(status: u16, value: &impl Serialize) -> Result<Reply, Failure> {
    full(status, "application/json", serde_json::to_vec(value)?)
}

/// JSON with an entity tag made from it; 304 when the client has it already.
///
/// # Errors
/// Fails when the value cannot be written as JSON.
pub fn json_with_etag(context: &Context, value: &impl Serialize) -> Result<Reply, Failure> {
    let body = serde_json::to_vec(value)?;
    let tag = etag(&body);
    tagged(context, body, &tag)
}

/// JSON with an entity tag of the caller's; 304 when the client has it already.
///
/// # Errors
/// Fails when the value cannot be written as JSON.
pub fn json_tagged(context: &Context, value: &impl Serialize, tag: &str) -> Result<Reply, Failure> {
    tagged(context, serde_json::to_vec(value)?, tag)
}

fn tagged(context: &Context, body: Vec<u8>, tag: &str) -> Result<Reply, Failure> {
    let mut reply = if has_etag(&context.headers, tag) { empty(304)? } else { full(200, "application/json", body)? };
    insert(&mut reply, ETAG.as_str(), tag);
    insert(&mut reply, CACHE_CONTROL.as_str(), "private, no-cache");
    Ok(reply)
}

/// The entity tag that an answer has.
#[must_use]
pub fn etag_of(reply: &Reply) -> Option<http::HeaderValue> {
    reply.headers().get(ETAG).cloned()
}

/// A redirect, 302 or 307.
///
/// # Errors
/// Fails when the location cannot stand in a header.
pub fn redirect(status: u16, location: &str) -> Result<Reply, Failure> {
    Ok(Response::builder().status(status).header(LOCATION, location).body(box_body(Empty::new()))?)
}

/// A refusal, for the request with this path and id.
#[must_use]
pub fn problem(problem: &Problem, path: &str, request_id: &str) -> Reply {
    let body = Bytes::from(problem.body(path, request_id).to_string());
    let mut reply = Response::new(box_body(Full::new(body.clone())));
    *reply.status_mut() = StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    insert(&mut reply, CONTENT_TYPE.as_str(), problem::CONTENT_TYPE);
    insert(&mut reply, CONTENT_LENGTH.as_str(), &body.len().to_string());
    for (name, value) in problem.headers() {
        insert(&mut reply, name, value);
    }
    reply
}

/// A strong entity tag: the first half of the body's SHA-256.
#[must_use]
pub fn etag(body: &[u8]) -> String {
    let digest = digest::sha256_hex(body);
    format!("\"{}\"", digest.get(..32).unwrap_or(&digest))
}

/// Whether `If-None-Match` names this tag, or anything (RFC 9110 §13.1.2: compared weakly).
#[must_use]
pub fn has_etag(headers: &HeaderMap, tag: &str) -> bool {
    let strong = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag).to_owned();
    let wanted = strong(tag);
    let named = |given: &str| given == "*" || strong(given) == wanted;
    let lists = headers.get_all(http::header::IF_NONE_MATCH).iter().filter_map(|v| v.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|given| named(given.trim()))
}

/// Sets a header; a value that cannot stand in one is left out.
pub fn insert(reply: &mut Reply, name: &str, value: &str) {
    if let Some((name, value)) = header(name, value) {
        reply.headers_mut().insert(name, value);
    }
}

/// Adds a header beside those of the same name; a value that cannot stand in one is left out.
pub fn append(reply: &mut Reply, name: &str, value: &str) {
    if let Some((name, value)) = header(name, value) {
        reply.headers_mut().append(name, value);
    }
}

fn header(name: &str, value: &str) -> Option<(http::HeaderName, http::HeaderValue)> {
    Some((name.try_into().ok()?, value.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_has_it_is_recognised() {
        let tag = etag(b"{}");
        let having = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("if-none-match", value.parse().unwrap());
            has_etag(&headers, &tag)
        };
        assert!(having(&tag) && having("*") && having(&format!("\"x\", W/{tag}")));
        assert!(!having("\"x\"") && !has_etag(&HeaderMap::new(), &tag));
        let mut headers = HeaderMap::new();
        headers.insert("if-none-match", "W/\"a\"".parse().unwrap());
        assert!(has_etag(&headers, "W/\"a\""), "weak tags are compared weakly, too");
    }

    #[test]
    fn a_problem_has_its_status_media_type_length_and_headers() {
        let reply = problem(&Problem::unavailable("later"), "/p", "r");
        assert_eq!(reply.status(), 503);
        assert_eq!(reply.headers()["content-type"], "application/problem+json");
        assert_eq!(reply.headers()["retry-after"], "2");
        assert!(reply.headers().contains_key("content-length"));
    }
}
