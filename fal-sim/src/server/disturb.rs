//! Applies a fault: turns it into an answer, alters the answer there was, or asks for the connection to be closed.

use axum::{
    Json,
    body::Body,
    response::{Html, IntoResponse, Response},
};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use http::{HeaderValue, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::json;
use std::{io, time::Duration};

use crate::{
    errors::ApiError,
    faults::{Fault, Kind},
};

/// Response extension: end the connection instead of answering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hangup {
    /// Close it.
    Close,
    /// Reset it.
    Reset,
}

const SLOW_PIECES: usize = 30;
const SLOW_PAUSE: Duration = Duration::from_millis(100);

/// The answer after the fault; `handled` is the proper answer when the call was handled.
pub async fn apply(fault: Fault, handled: Option<Response>) -> Response {
    let mut response = disturbed(fault, handled).await;
    let refused = response.status().is_client_error() || response.status().is_server_error();
    if let Some(value) = fault.retry_after.filter(|_| refused).and_then(|after| after.value().parse().ok()) {
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    response
}

async fn disturbed(Fault { kind, delay, .. }: Fault, handled: Option<Response>) -> Response {
    let id = handled.as_ref().and_then(|response| response.headers().get("x-fal-request-id").cloned());
    match kind {
        Kind::BadGateway => nginx(StatusCode::BAD_GATEWAY),
        Kind::NginxUnavailable => nginx(StatusCode::SERVICE_UNAVAILABLE),
        Kind::ServerError => json_error(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
        Kind::ServerErrorWithId => {
            with_id(json_error(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"), id, "internal_error")
        }
        Kind::UnavailableWithId => {
            with_id(json_error(StatusCode::SERVICE_UNAVAILABLE, "Runner unavailable"), id, "runner_connection_error")
        }
        Kind::TooManyRequests => json_error(StatusCode::TOO_MANY_REQUESTS, "Too many requests"),
        Kind::Unauthorized => ApiError::UnknownKey.into_response(),
        Kind::Balance => ApiError::Locked.into_response(),
        Kind::NotFound => json_error(StatusCode::NOT_FOUND, "Not Found"),
        Kind::Drop | Kind::Lost => hang_up(Hangup::Close),
        Kind::Reset => hang_up(Hangup::Reset),
        Kind::TruncatedBody | Kind::BrokenBody | Kind::SlowBody => match handled {
            Some(response) => altered(kind, response).await,
            None => hang_up(Hangup::Close),
        },
        // Kinds that change how a call is handled have done their part by now.
        Kind::Delay | Kind::Duplicate | Kind::Late | Kind::Vanish => {
            tokio::time::sleep(delay).await;
            handled.unwrap_or_else(|| nginx(StatusCode::GATEWAY_TIMEOUT))
        }
    }
}

fn hang_up(how: Hangup) -> Response {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(how);
    response
}

/// The page of the ingress in front of FAL; clients know it by the word nginx and the missing request id.
fn nginx(status: StatusCode) -> Response {
    let title = format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or_default());
    let page = format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n\
         <hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    );
    (status, Html(page)).into_response()
}

fn json_error(status: StatusCode, detail: &str) -> Response {
    (status, Json(json!({"detail": detail}))).into_response()
}

fn with_id(mut response: Response, id: Option<HeaderValue>, error_type: &'static str) -> Response {
    let fresh = || HeaderValue::from_str(&uuid::Uuid::now_v7().to_string()).ok();
    let headers = response.headers_mut();
    if let Some(id) = id.or_else(fresh) {
        headers.insert("x-fal-request-id", id);
    }
    headers.insert("x-fal-error-type", HeaderValue::from_static(error_type));
    response
}

async fn altered(kind: Kind, response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    if parts.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream") {
        return Response::from_parts(parts, cut(kind, body));
    }
    let Ok(collected) = body.collect().await else { return hang_up(Hangup::Close) };
    let whole = collected.to_bytes();
    let half = whole.slice(..whole.len() / 2);
    let (length, body) = match kind {
        Kind::TruncatedBody => (half.len(), Body::from(half)),
        Kind::BrokenBody => (whole.len(), broken(half)),
        _ => (whole.len(), slow(whole)),
    };
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    Response::from_parts(parts, body)
}

fn broken(half: Bytes) -> Body {
    Body::from_stream(futures::stream::iter([Ok(half)]).chain(break_off()))
}

fn break_off() -> impl Stream<Item = io::Result<Bytes>> {
    futures::stream::once(async {
        // Lets what was sent so far reach the client before the connection ends.
        tokio::time::sleep(SLOW_PAUSE).await;
        Err(io::Error::other("broken off on purpose"))
    })
}

/// An event stream that ends after its first event, breaks off there, or takes its time.
fn cut(kind: Kind, body: Body) -> Body {
    let events = body.into_data_stream().map(|event| event.map_err(io::Error::other));
    match kind {
        Kind::TruncatedBody => Body::from_stream(events.take(1)),
        Kind::BrokenBody => Body::from_stream(events.take(1).chain(break_off())),
        _ => Body::from_stream(events.then(|event| async move {
            tokio::time::sleep(SLOW_PAUSE).await;
            event
        })),
    }
}

fn slow(whole: Bytes) -> Body {
    let size = whole.len().div_ceil(SLOW_PIECES).max(1);
    let pieces: Vec<Bytes> =
        (0..whole.len()).step_by(size).map(|at| whole.slice(at..(at + size).min(whole.len()))).collect();
    Body::from_stream(futures::stream::iter(pieces).then(|piece| async move {
        tokio::time::sleep(SLOW_PAUSE).await;
        Ok::<_, io::Error>(piece)
    }))
}
