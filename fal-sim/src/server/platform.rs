//! The platform API and the key set: request history by endpoint (what a worker reconciles a lost submit with),
//! platform facts, tokens for browsers, and the public keys of webhooks.

use super::{auth, context::Context};
use crate::json::set;
use crate::{errors::ApiError, queue::Request};
use axum::{
    Json,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, TimeDelta, Utc};
use http::StatusCode;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

const DEFAULT_LIMIT: usize = 50;
const MOST: usize = 100;
/// How long a token lives unless told otherwise, and at most.
const TOKEN_SECONDS: u64 = 120;
const MOST_TOKEN_SECONDS: u64 = 3600;

/// `GET .well-known/jwks.json`.
pub fn jwks(context: &Context) -> Response {
    Json(context.sim.signer.jwks()).into_response()
}

/// `POST tokens/`: a short-lived token for some applications, which a browser may use in place of the key.
pub async fn token(mut context: Context) -> Result<Response, ApiError> {
    let owner = auth::caller(&context);
    let body = context.read_json().await?;
    let owner = owner?;
    let wrong = || ApiError::BadRequest("allowed_apps must be a list of application names".into());
    let applications = body.get("allowed_apps").and_then(Value::as_array).ok_or_else(wrong)?;
    let alias = |app: &Value| app.as_str().map(|app| app.split('/').nth(1).unwrap_or(app).to_owned());
    let applications = applications.iter().map(alias).collect::<Option<Vec<_>>>().ok_or_else(wrong)?;
    let seconds = body.get("token_expiration").and_then(Value::as_u64).unwrap_or(TOKEN_SECONDS).min(MOST_TOKEN_SECONDS);
    let token = context.sim.tokens.issue(owner, applications, Duration::from_secs(seconds));
    Ok((StatusCode::CREATED, Json(token)).into_response())
}

/// `GET v1/meta`: the addresses webhooks come from.
pub fn meta() -> Response {
    Json(json!({"webhook_ip_ranges": ["127.0.0.1/32", "::1/128"]})).into_response()
}

/// `GET v1/models/requests/by-endpoint`: the caller's requests to one endpoint, newest first.
pub fn history(context: &Context) -> Result<Response, ApiError> {
    let owner = auth::caller(context)?;
    let query = context.query();
    let endpoint = query.get("endpoint_id").ok_or_else(|| ApiError::BadRequest("endpoint_id is required".into()))?;
    let start = time(query.get("start"), "start")?.unwrap_or_else(|| Utc::now() - TimeDelta::hours(24));
    let end = time(query.get("end"), "end")?;
    let limit = number(query.get("limit"), "limit")?.unwrap_or(DEFAULT_LIMIT).clamp(1, MOST);
    let skip = number(query.get("cursor"), "cursor")?.unwrap_or(0);
    let expand = query.get("expand").is_some_and(|value| value.split(',').any(|part| part == "payloads"));
    let tuning = context.sim.tuning.lock().clone();
    let fits = |request: &Arc<Request>| {
        request.owner == owner
            && request.endpoint.id == endpoint
            && request.accepted_at >= start
            && end.is_none_or(|end| request.accepted_at < end)
            && tuning.shows(request)
    };
    let found: Vec<Arc<Request>> = context.sim.queue.all().into_iter().rev().filter(fits).collect();
    let items: Vec<Value> = found.iter().skip(skip).take(limit).map(|request| item(request, expand)).collect();
    let more = found.len() > skip + items.len();
    let cursor = more.then(|| (skip + items.len()).to_string());
    Ok(Json(json!({"items": items, "next_cursor": cursor, "has_more": more})).into_response())
}

fn item(request: &Request, expand: bool) -> Value {
    let (started, ended) = request.times();
    let outcome = request.outcome();
    let duration = started.zip(ended).map(|(started, ended)| (ended - started).as_seconds_f64());
    let mut item = json!({
        "request_id": request.id, "endpoint_id": request.endpoint.id,
        "sent_at": stamp(Some(request.accepted_at)), "started_at": stamp(started), "ended_at": stamp(ended),
        "status_code": outcome.as_ref().map(|outcome| outcome.status), "duration": duration,
    });
    if expand && request.settings.store_io {
        set(&mut item, "json_input", request.input.clone());
        set(&mut item, "json_output", outcome.map_or(Value::Null, |outcome| outcome.body.clone()));
    }
    item
}

fn stamp(at: Option<DateTime<Utc>>) -> Option<String> {
    at.map(|at| at.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string())
}

fn time(text: Option<&String>, name: &str) -> Result<Option<DateTime<Utc>>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    // A plus sign that was not percent-encoded arrives as a space.
    let parsed = DateTime::parse_from_rfc3339(&text.replace(' ', "+")).map(|time| time.with_timezone(&Utc));
    let parsed = parsed.or_else(|_| text.parse::<chrono::NaiveDateTime>().map(|time| time.and_utc()));
    parsed.map(Some).map_err(|_| ApiError::BadRequest(format!("{name} must be an ISO 8601 time")))
}

fn number(text: Option<&String>, name: &str) -> Result<Option<usize>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    text.parse().map(Some).map_err(|_| ApiError::BadRequest(format!("{name} must be a whole number")))
}
