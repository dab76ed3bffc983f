//! One request to the gateway: `PUT`, `GET`, `HEAD` and `DELETE` of keys, `DELETE` of a job's folder, `/health`, `/usage`,
//! `/jobs/{area}`, `/elsewhere` and `/thumbnails/{key}`; and, for whoever asks, whether it lives.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State as Extract};
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCEPT_RANGES, ALLOW, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, LAST_MODIFIED, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::json;

use super::conditions::{Conditions, judge};
use super::range::Asked;
use super::{State, access, conditions, elsewhere, inventory, range, thumbnail};
use crate::blobs::{Area, BlobError, BlobKey, BlobMeta, BlobPrefix};
use crate::trace;

pub(super) async fn answer(Extract(state): Extract<Arc<State>>, mut request: Request) -> Response {
    if let Some(status) = probe(&state, request.uri().path()) {
        return status.into_response();
    }
    if !access::is_allowed(request.headers(), &state.token) {
        return (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Bearer")]).into_response();
    }
    let method = request.method().clone();
    let path = request.uri().path().trim_start_matches('/').to_owned();
    let span = trace::received(&mut request);
    span.rename(|| format!("{method} /{}/...", path.split('/').next().unwrap_or_default()));
    let response = match route(&state, &path, request).await {
        Ok(response) => response,
        Err(error) => failure(&method, &path, &error),
    };
    span.answered(response.status(), response.status().is_server_error());
    response
}

async fn route(state: &State, path: &str, request: Request) -> Result<Response, BlobError> {
    if *request.method() == Method::GET {
        match path.split_once('/').unwrap_or((path, "")) {
            ("health", "") => return health(state),
            ("usage", "") => return inventory::usage(state).await,
            ("jobs", prefix) if prefix.contains('/') => return inventory::job(state, prefix).await,
            ("jobs", area) => return inventory::jobs(state, area, request.uri().query().unwrap_or_default()).await,
            _ => {}
        }
    }
    if path == "elsewhere" && matches!(*request.method(), Method::GET | Method::HEAD) {
        return Ok(elsewhere::pass(&*state.elsewhere, request).await);
    }
    if let (&Method::GET | &Method::HEAD, Some(original)) = (request.method(), path.strip_prefix("thumbnails/")) {
        let small = thumbnail::of(state, &BlobKey::parse(original)?).await?.to_string();
        return match *request.method() {
            Method::GET => get(state, &small, request.headers()).await,
            _ => head(state, &small, request.headers()).await,
        };
    }
    match *request.method() {
        Method::PUT => put(state, path, request).await,
        Method::GET => get(state, path, request.headers()).await,
        Method::HEAD => head(state, path, request.headers()).await,
        Method::DELETE => delete(state, path).await,
        _ => Ok((StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "GET, HEAD, PUT, DELETE")]).into_response()),
    }
}

fn failure(method: &Method, path: &str, error: &BlobError) -> Response {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if status.is_server_error() && !matches!(error, BlobError::Busy) {
        tracing::error!(%method, key = path, error = %error, code = error.code(), kind = error.metric_label(), "blob request failed");
    } else {
        tracing::debug!(%method, key = path, error = %error, code = error.code(), kind = error.metric_label(), "blob request refused");
    }
    // The code alone: causes may name folders.
    (status, Json(json!({ "error_code": error.code() }))).into_response()
}

/// What an orchestrator asks, which has no token: a status and nothing else. A full disk is no reason not to be asked, for
/// models are read from it.
fn probe(state: &State, path: &str) -> Option<StatusCode> {
    match path {
        "/health/live" => Some(StatusCode::OK),
        "/health/ready" if state.blobs.room(state.min_free).is_ok() => Some(StatusCode::OK),
        "/health/ready" => Some(StatusCode::SERVICE_UNAVAILABLE),
        _ => None,
    }
}

fn health(state: &State) -> Result<Response, BlobError> {
    Ok(Json(json!({ "status": "ok", "disk": state.blobs.room(state.min_free)? })).into_response())
}

async fn put(state: &State, path: &str, request: Request) -> Result<Response, BlobError> {
    let key = BlobKey::parse(path)?;
    let limit = state.max_bytes;
    let announced = request.headers().get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(BlobError::TooLarge { limit });
    }
    // A result is always taken: it was paid for.
    let min_free = (key.area() == Area::Uploads).then_some(state.min_free);
    if let Some(min_free) = min_free {
        state.blobs.room(min_free)?.require(announced.unwrap_or_default())?;
    }
    let (blobs, body) = (state.blobs.clone(), request.into_body().into_data_stream());
    // In a task of its own, so that a sender that goes away does not take the tidying up with it.
    let put = tokio::spawn(async move { blobs.put_leaving(min_free, &key, limit, body).await });
    let size = put.await.map_err(|error| BlobError::Broken(error.to_string()))??;
    Ok((StatusCode::CREATED, Json(json!({ "size": size }))).into_response())
}

async fn get(state: &State, path: &str, headers: &HeaderMap) -> Result<Response, BlobError> {
    let key = BlobKey::parse(path)?;
    let meta = state.blobs.head(&key).await?;
    if let Some(answer) = unmet(headers, &key, &meta) {
        return Ok(answer);
    }
    let wanted = match range::parse(conditions::range(headers, &meta), meta.size) {
        Asked::Unsatisfiable => return Ok(unsatisfiable(&key, &meta)),
        Asked::Whole => None,
        Asked::Part(range) => Some(range),
    };
    let partial = wanted.is_some();
    let blob = state.blobs.get(&key, wanted).await?;
    let status = if partial { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let (size, range) = (blob.meta.size, blob.range.clone());
    let mut response = described(status, &key, &blob.meta, Body::from_stream(blob.chunks));
    insert(&mut response, CONTENT_LENGTH, &(range.end - range.start).to_string());
    if partial {
        insert(&mut response, CONTENT_RANGE, &format!("bytes {}-{}/{size}", range.start, range.end.saturating_sub(1)));
    }
    Ok(response)
}

async fn head(state: &State, path: &str, headers: &HeaderMap) -> Result<Response, BlobError> {
    let key = BlobKey::parse(path)?;
    let meta = state.blobs.head(&key).await?;
    if let Some(answer) = unmet(headers, &key, &meta) {
        return Ok(answer);
    }
    let mut response = described(StatusCode::OK, &key, &meta, Body::empty());
    insert(&mut response, CONTENT_LENGTH, &meta.size.to_string());
    Ok(response)
}

async fn delete(state: &State, path: &str) -> Result<Response, BlobError> {
    let freed = if path.ends_with('/') {
        state.blobs.delete_prefix(&BlobPrefix::parse(path)?).await?
    } else {
        state.blobs.delete(&BlobKey::parse(path)?).await?
    };
    Ok(Json(freed).into_response())
}

/// The answer when the blob is not to be sent.
fn unmet(headers: &HeaderMap, key: &BlobKey, meta: &BlobMeta) -> Option<Response> {
    let status = match judge(headers, meta) {
        Conditions::Met => return None,
        Conditions::NotModified => StatusCode::NOT_MODIFIED,
        Conditions::Failed => StatusCode::PRECONDITION_FAILED,
    };
    Some(described(status, key, meta, Body::empty()))
}

fn unsatisfiable(key: &BlobKey, meta: &BlobMeta) -> Response {
    let mut response = described(StatusCode::RANGE_NOT_SATISFIABLE, key, meta, Body::empty());
    insert(&mut response, CONTENT_RANGE, &format!("bytes */{}", meta.size));
    response
}

fn described(status: StatusCode, key: &BlobKey, meta: &BlobMeta, body: Body) -> Response {
    let mut response = (status, body).into_response();
    insert(&mut response, CONTENT_TYPE, key.content_type());
    insert(&mut response, ACCEPT_RANGES, "bytes");
    insert(&mut response, ETAG, &meta.etag);
    insert(&mut response, LAST_MODIFIED, &httpdate::fmt_http_date(meta.modified));
    response
}

fn insert(response: &mut Response, name: http::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
