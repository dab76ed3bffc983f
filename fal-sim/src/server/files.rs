//! `GET` and `HEAD` of stored files, with one byte range (RFC 9110 §14), `If-Range` and `If-None-Match`; no key needed.

use super::{context::Context, dispatch::by_scenario, disturb};
use crate::{
    errors::ApiError,
    faults::{Call, When},
    storage::StoredFile,
};
use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use std::io::SeekFrom;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

/// Answers a download.
pub async fn download(context: Context, path: &str) -> Result<Response, ApiError> {
    let sim = &context.sim;
    if context.headers.contains_key(header::AUTHORIZATION) {
        sim.counters.update(|counts| counts.downloads_with_credentials += 1);
    }
    let file = sim.storage.find(path).await.ok_or(ApiError::UnknownFile)?;
    let fault = by_scenario(sim, file.scenario, Call::Download, path);
    if let Some(fault) = fault.filter(|fault| fault.when == When::Before) {
        return Ok(disturb::apply(fault, None).await);
    }
    let response = send(&context.method, &context.headers, &file).await?;
    Ok(match fault {
        Some(fault) => disturb::apply(fault, Some(response)).await,
        None => response,
    })
}

async fn send(method: &Method, asked: &HeaderMap, file: &StoredFile) -> Result<Response, ApiError> {
    let header = |name: &str| asked.get(name).and_then(|value| value.to_str().ok());
    let etag = format!("\"{}\"", file.sha256);
    if header("if-none-match").is_some_and(|known| known.contains(&etag)) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response());
    }
    let same = header("if-range").is_none_or(|known| known == etag);
    let wanted = match header("range").filter(|_| same && *method == Method::GET) {
        Some(text) => range(text, file.size),
        None => Wanted::Whole,
    };
    let (status, first, length) = match wanted {
        Wanted::Whole => (StatusCode::OK, 0, file.size),
        Wanted::Part(first, last) => (StatusCode::PARTIAL_CONTENT, first, last - first + 1),
        Wanted::Nothing => {
            let headers = [(header::CONTENT_RANGE, format!("bytes */{}", file.size))];
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, headers).into_response());
        }
    };
    let body = if *method == Method::HEAD { Body::empty() } else { body(file, first, length).await? };
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    let texts = [(header::CONTENT_TYPE, file.content_type.as_str()), (header::ETAG, etag.as_str())];
    for (name, text) in texts {
        headers.insert(name, HeaderValue::from_str(text).map_err(|_| ApiError::Internal)?);
    }
    if status == StatusCode::PARTIAL_CONTENT {
        let text = format!("bytes {first}-{}/{}", first + length - 1, file.size);
        headers.insert(header::CONTENT_RANGE, HeaderValue::from_str(&text).map_err(|_| ApiError::Internal)?);
    }
    Ok(response)
}

async fn body(file: &StoredFile, first: u64, length: u64) -> Result<Body, ApiError> {
    // The file may have been dropped for space since it was looked up.
    let mut reader = file.open().await.map_err(|_| ApiError::UnknownFile)?;
    reader.seek(SeekFrom::Start(first)).await.map_err(|_| ApiError::Internal)?;
    Ok(Body::from_stream(ReaderStream::with_capacity(reader.take(length), 64 << 10)))
}

#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    Whole,
    /// First and last byte, both inclusive.
    Part(u64, u64),
    Nothing,
}

/// Reads a `Range` header; several ranges and anything unreadable mean the whole file, as the RFC allows.
fn range(text: &str, size: u64) -> Wanted {
    let parsed = text.strip_prefix("bytes=").filter(|ranges| !ranges.contains(',')).and_then(|range| {
        let (first, last) = range.trim().split_once('-')?;
        match (first.is_empty(), last.is_empty()) {
            (true, true) => None,
            (true, false) => {
                last.parse().ok().map(|count: u64| (size.saturating_sub(count), size.max(1) - 1, count > 0))
            }
            (false, true) => first.parse().ok().map(|first: u64| (first, u64::MAX, true)),
            (false, false) => {
                let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
                (first <= last).then_some((first, last, true))
            }
        }
    });
    match parsed {
        None => Wanted::Whole,
        Some((first, last, some)) if some && first < size => Wanted::Part(first, last.min(size - 1)),
        Some(_) => Wanted::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        let cases = [
            ("bytes=0-4", Wanted::Part(0, 4)),
            ("bytes=5-", Wanted::Part(5, 9)),
            ("bytes=-3", Wanted::Part(7, 9)),
            ("bytes=-30", Wanted::Part(0, 9)),
            ("bytes=8-99", Wanted::Part(8, 9)),
            ("bytes=10-", Wanted::Nothing),
            ("bytes=-0", Wanted::Nothing),
            ("bytes=4-2", Wanted::Whole),
            ("bytes=0-1,3-4", Wanted::Whole),
            ("lines=0-1", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
        ];
        for (text, expected) in cases {
            assert_eq!(range(text, 10), expected, "{text}");
        }
        assert_eq!(range("bytes=0-", 0), Wanted::Nothing);
    }
}
