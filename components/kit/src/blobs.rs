//! Client of the blob gateway, which keeps uploads and results: `PUT`, `GET`, `HEAD` and `DELETE {blob_url}/{key}`.
//!
//! Bytes pass through as they come, in both directions. A key is a path of plain names (`uploads/{job}/{file}_original.jpg`);
//! a key that ends in `/` names everything under it, and is only good for `DELETE`.

use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt};
use http::{HeaderMap, Method, StatusCode};
use http_body_util::{BodyExt, Empty, StreamBody};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use spin_sdk::http::body::IncomingBodyExt;
use spin_sdk::http::{BoxBody, Response, box_body};

use crate::config::{self, ConfigError};
use crate::context::BodyStream;
use crate::{Failure, clock, scope};
use image2model_domain::{Problem, trace};

/// The gateway must begin its answer within this time, except to a `PUT`, which lasts as long as its body.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why the gateway did not do as asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlobError {
    /// It cannot be reached or did not answer in time.
    #[error("the blob gateway is away: {0}")]
    Away(String),
    /// It answered something else than expected; 507 when its disk is full, or what is left of it is not for uploads.
    #[error("the blob gateway answered {0}")]
    Refused(StatusCode),
    /// The provider does not give the file, or the gateway may not ask for it there.
    #[error("the gateway answered {0} for a file that the provider keeps")]
    Elsewhere(StatusCode),
    /// The key is not a path of plain names.
    #[error("not a blob key")]
    BadKey,
    /// The body to be stored broke off: its sender is gone.
    #[error("the body broke off: {0}")]
    BrokenBody(String),
    /// Not configured.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

impl BlobError {
    /// There is no room for what was to be stored.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Refused(StatusCode::INSUFFICIENT_STORAGE))
    }
}

impl From<BlobError> for Failure {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::Refused(StatusCode::SERVICE_UNAVAILABLE) => {
                crate::log::warn("blob gateway is busy", &serde_json::json!({ "error": error.to_string() }));
                Problem::unavailable("The file store is busy at the moment. Please try again.").into()
            }
            BlobError::Away(_) => {
                crate::log::warn("blob gateway is away", &serde_json::json!({ "error": error.to_string() }));
                Problem::unavailable("The file store cannot be reached at the moment. Please try again.").into()
            }
            BlobError::Elsewhere(_) => {
                crate::log::warn(
                    "a provider's file is not to be had",
                    &serde_json::json!({ "error": error.to_string() }),
                );
                let detail = "The model provider does not give the file at the moment. Please try again.";
                Problem::new(502, "PROVIDER_UNREACHABLE", detail).into()
            }
            full if full.is_full() => {
                crate::log::warn("the blob store is full", &serde_json::json!({ "error": full.to_string() }));
                Problem::storage_full().into()
            }
            other => Self::Fault(other.into()),
        }
    }
}

/// A stored blob, or part of it, as the gateway answers: 200, 206, 304, 404, 412 or 416 with their headers.
pub struct Blob {
    /// As the gateway answered.
    pub status: StatusCode,
    /// As the gateway answered: `content-length`, `content-range`, `etag`, `last-modified`, …
    pub headers: HeaderMap,
    /// The bytes; empty for `HEAD`.
    pub body: BodyStream,
}

/// What a deletion freed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct Freed {
    /// Files removed.
    #[serde(default)]
    pub deleted: u64,
    /// Bytes they had.
    #[serde(default)]
    pub freed_bytes: u64,
}

/// What a job has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Held {
    /// How many files.
    pub files: u64,
    /// Bytes they have.
    pub bytes: u64,
}

/// Whether a text is a key: names of `[A-Za-z0-9._-]` between slashes, none of them `.` or `..`; `/` at the end if `prefix`.
fn is_key(key: &str, prefix: bool) -> bool {
    let path = if prefix { key.strip_suffix('/') } else { Some(key) };
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    let name = |n: &str| !n.is_empty() && n != "." && n != ".." && n.bytes().all(plain);
    path.is_some_and(|path| path.split('/').all(name))
}

async fn send(method: Method, key: &str, headers: &[(&str, &str)], body: BoxBody) -> Result<Response, BlobError> {
    let (url, token) = (config::text("blob_url").await?, config::text("blob_token").await?);
    let uri = format!("{}/{key}", url.trim_end_matches('/'));
    let mut request = http::Request::builder().method(method).uri(uri);
    if !token.is_empty() {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    if let Some(names) = scope::current() {
        request = request.header(trace::HEADER, &names.traceparent);
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(body).map_err(|_| BlobError::BadKey)?;
    spin_sdk::http::send(request).await.map_err(|e| BlobError::Away(e.to_string()))
}

async fn ask(method: Method, key: &str, headers: &[(&str, &str)]) -> Result<Response, BlobError> {
    let sent = clock::within(PATIENCE, send(method, key, headers, box_body(Empty::new()))).await;
    sent.unwrap_or_else(|| Err(BlobError::Away("no answer in time".to_owned())))
}

/// Stores what the stream gives, as it gives it. The gateway keeps nothing of a stream that ends in an error.
///
/// # Errors
/// [`BlobError`]; the stream's own error is the caller's to remember.
pub async fn put<S>(key: &str, content_type: &str, chunks: S) -> Result<(), BlobError>
where
    S: Stream<Item = Result<Bytes, anyhow::Error>> + Send + 'static,
{
    if !is_key(key, false) {
        return Err(BlobError::BadKey);
    }
    let body = box_body(StreamBody::new(chunks.map(|chunk| chunk.map(http_body::Frame::data))));
    let answer = send(Method::PUT, key, &[("content-type", content_type)], body).await?;
    if answer.status().is_success() { Ok(()) } else { Err(BlobError::Refused(answer.status())) }
}

/// Reads a blob. `headers` are the client's conditions: `range`, `if-none-match`, `if-range`, `if-modified-since`.
///
/// # Errors
/// [`BlobError`]; a blob that is not there is an answer with status 404, not an error.
pub async fn get(key: &str, headers: &[(&str, &str)]) -> Result<Blob, BlobError> {
    read(Method::GET, key, headers).await
}

/// The key of an uploaded image's small picture, which the gateway makes when it is first asked for.
#[must_use]
pub fn thumbnail_of(key: &str) -> String {
    format!("thumbnails/{key}")
}

/// Reads a blob's headers.
///
/// # Errors
/// As [`get`].
pub async fn head(key: &str, headers: &[(&str, &str)]) -> Result<Blob, BlobError> {
    read(Method::HEAD, key, headers).await
}

/// Reads a file that the provider keeps, through the gateway; only from hosts that the operator allows. A `HEAD` gets its
/// headers alone.
///
/// # Errors
/// [`BlobError`]; [`BlobError::Elsewhere`] when the provider does not give it.
pub async fn elsewhere(method: Method, url: &str, headers: &[(&str, &str)]) -> Result<Blob, BlobError> {
    let path = format!("elsewhere?url={}", utf8_percent_encode(url, NON_ALPHANUMERIC));
    answered(ask(method, &path, headers).await?).map_err(|error| match error {
        BlobError::Refused(status @ (StatusCode::FORBIDDEN | StatusCode::BAD_GATEWAY)) => BlobError::Elsewhere(status),
        other => other,
    })
}

async fn read(method: Method, key: &str, headers: &[(&str, &str)]) -> Result<Blob, BlobError> {
    if !is_key(key, false) {
        return Err(BlobError::BadKey);
    }
    answered(ask(method, key, headers).await?)
}

fn answered(answer: Response) -> Result<Blob, BlobError> {
    let (head, body) = answer.into_parts();
    let body = body.stream().map_err(anyhow::Error::from).boxed();
    match head.status.as_u16() {
        200 | 206 | 304 | 404 | 412 | 416 => Ok(Blob { status: head.status, headers: head.headers, body }),
        _ => Err(BlobError::Refused(head.status)),
    }
}

/// Removes one blob, or everything under a key that ends in `/`. What is not there is no error.
///
/// # Errors
/// [`BlobError`].
pub async fn delete(key: &str) -> Result<Freed, BlobError> {
    if !is_key(key, key.ends_with('/')) {
        return Err(BlobError::BadKey);
    }
    let answer = ask(Method::DELETE, key, &[]).await?;
    match answer.status().as_u16() {
        404 => Ok(Freed::default()),
        200..=299 => Ok(small_json(answer).await.unwrap_or_default()),
        _ => Err(BlobError::Refused(answer.status())),
    }
}

/// The gateway's own word on how it is: `{"status", "disk": {"free_bytes", "total_bytes", "min_free_bytes",
/// "takes_uploads"}}`.
///
/// # Errors
/// [`BlobError`].
pub async fn health() -> Result<serde_json::Value, BlobError> {
    about("health").await
}

/// Whether the gateway takes uploads: its disk has more room than is kept for what is at work. One that does not say so
/// in time, or at all, is asked again by the upload itself.
pub async fn takes_uploads() -> bool {
    let said = clock::within(Duration::from_secs(1), health()).await.and_then(Result::ok);
    said.and_then(|said| said.pointer("/disk/takes_uploads").and_then(serde_json::Value::as_bool)).unwrap_or(true)
}

/// What the store holds: `{"uploads": {files, bytes, jobs, modified_ms, complete}, "results": …, "disk"}`.
///
/// # Errors
/// [`BlobError`].
pub async fn usage() -> Result<serde_json::Value, BlobError> {
    about("usage").await
}

/// The jobs of an area (`uploads`, `results`) behind `after`, by id, 500 at most: `{"jobs": [{job, files, bytes,
/// modified_ms}], "more", "complete"}`.
///
/// # Errors
/// [`BlobError`]; [`BlobError::BadKey`] when `area` or `after` is not a plain name.
pub async fn jobs(area: &str, after: &str, limit: usize) -> Result<serde_json::Value, BlobError> {
    if !is_key(area, false) || !(after.is_empty() || is_key(after, false)) {
        return Err(BlobError::BadKey);
    }
    about(&format!("jobs/{area}?after={after}&limit={}", limit.min(500))).await
}

/// What one job has under a key that ends in `/`: files and bytes.
///
/// # Errors
/// [`BlobError`].
pub async fn held(key: &str) -> Result<Held, BlobError> {
    if !is_key(key, true) || !key.ends_with('/') {
        return Err(BlobError::BadKey);
    }
    let held = about(&format!("jobs/{}", key.trim_end_matches('/'))).await?;
    let number = |name: &str| held.get(name).and_then(serde_json::Value::as_u64).unwrap_or_default();
    Ok(Held { files: number("files"), bytes: number("bytes") })
}

async fn about(what: &str) -> Result<serde_json::Value, BlobError> {
    let answer = ask(Method::GET, what, &[]).await?;
    let status = answer.status();
    if !status.is_success() {
        return Err(BlobError::Refused(status));
    }
    small_json(answer).await.ok_or_else(|| BlobError::Away("its answer is not JSON".to_owned()))
}

/// A short JSON answer; `None` when it is something else.
async fn small_json<T: serde::de::DeserializeOwned>(answer: Response) -> Option<T> {
    let body = http_body_util::Limited::new(answer.into_body(), 64 * 1024);
    serde_json::from_slice(&body.collect().await.ok()?.to_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_plain_paths() {
        assert!(is_key("uploads/ab/cd_original.jpg", false) && is_key("results/ab/", true));
        for key in ["", "/", "../x", "uploads/../x", "uploads//x", "a/./b", "a b", "a?b", "a%2fb", "a/"] {
            assert!(!is_key(key, false), "{key}");
        }
        assert!(!is_key("/", true) && !is_key("uploads", true));
    }
}
