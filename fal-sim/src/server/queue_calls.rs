//! The queue's calls: submit, status, result, cancel.

use super::{
    auth,
    context::Context,
    dispatch::by_scenario,
    disturb, options,
    route::{RequestPath, Route},
};
use crate::json::set;
use crate::{
    errors::{ApiError, Outcome},
    faults::{Call, When},
    image_source,
    model::catalogue::{self, Endpoint},
    origin::Origin,
    queue::{AppPath, Draft, Phase, Request, Settings, run_queued},
    scenario::Scenario,
    sim::Sim,
};
use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue, StatusCode};
use rand::Rng;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

/// One place in the simulated queue lasts this long, at speed 1.
const QUEUE_STEP: Duration = Duration::from_secs(1);

/// An endpoint id that exists, and its `owner/alias`.
pub fn endpoint(id: &str) -> Result<(&'static Endpoint, AppPath), ApiError> {
    let unknown = || ApiError::UnknownApplication(id.to_owned());
    Ok((catalogue::find(id).ok_or_else(unknown)?, AppPath::of(id).ok_or_else(unknown)?))
}

/// `POST /{endpoint id}`.
pub async fn submit(mut context: Context, id: &str) -> Result<Response, ApiError> {
    let owner = auth::payer(&context);
    let input = context.read_json().await?;
    let owner = owner?;
    let (endpoint, app) = endpoint(id)?;
    let (settings, most) = (options::settings(&context)?, options::max_queue_length(&context)?);
    let sim = context.sim.clone();
    let url = endpoint.image_url(&input).unwrap_or_default().to_owned();
    let scenario = Scenario::of_url(&url).unwrap_or_default();
    let fault = by_scenario(&sim, scenario, Call::Submit, &url);
    if let Some(fault) = fault.filter(|fault| fault.when == When::Before) {
        return Ok(disturb::apply(fault, None).await);
    }
    let draft =
        Draft { endpoint, app, owner, input: Arc::new(input), origin: context.target.origin, settings, sync: false };
    let image = image_source::stored(&sim, &url).await;
    let request = accept(&sim, draft, most)?;
    if let Some(image) = image {
        request.know_image(|| image.sha256.clone());
    }
    let response = accepted(&request);
    Ok(match fault {
        Some(fault) => disturb::apply(fault, Some(response)).await,
        None => response,
    })
}

fn accept(sim: &Arc<Sim>, draft: Draft, most: Option<usize>) -> Result<Arc<Request>, ApiError> {
    let lane = sim.queue.lane(&draft.owner).ok_or(ApiError::UnknownKey)?;
    let place = lane.join(draft.settings.priority, most);
    let full = |waiting| ApiError::QueueFull { waiting, limit: most.unwrap_or_default() };
    let place = Arc::new(place.map_err(full)?);
    let (least, longest) = (sim.config.queue_wait.start(), sim.config.queue_wait.end());
    let wait = rand::rng().random_range(*least..=(*longest).max(*least));
    let input = draft.input.clone();
    let request = Arc::new(Request::new(draft, Some(place), sim.config.scaled(wait)));
    sim.queue.add(request.clone());
    sim.counters.update(|counts| counts.accepted += 1);
    tracing::info!(fal_request_id = request.id, endpoint = request.endpoint.id, "request accepted");
    sim.spawn(run_queued(sim.clone(), request.clone(), input));
    Ok(request)
}

fn accepted(request: &Request) -> Response {
    let place = request.place().map_or(0, |place| place.ahead());
    let mut body = json!({
        "status": "IN_QUEUE", "request_id": request.id, "gateway_request_id": request.id,
        "logs": null, "metrics": {}, "queue_position": place,
    });
    for (name, url) in request.urls() {
        set(&mut body, name, url);
    }
    with_request_id(Json(body).into_response(), &request.id)
}

/// The caller's request at this path.
pub fn find(context: &Context, path: &RequestPath) -> Result<Arc<Request>, ApiError> {
    let owner = auth::caller(context)?;
    let request = context.sim.queue.find(&path.id, &owner).ok_or(ApiError::UnknownRequest)?;
    let same_app = AppPath::of(&path.app).is_some_and(|app| app == request.app);
    if same_app { Ok(request) } else { Err(ApiError::UnknownRequest) }
}

/// Whether the caller wants logs.
pub fn wants_logs(context: &Context) -> bool {
    context.query_value("logs").is_some_and(|value| matches!(value.to_ascii_lowercase().as_str(), "1" | "true"))
}

/// Its place in the queue, as callers see it.
pub fn position(sim: &Sim, request: &Request) -> usize {
    request.position(sim.config.scaled(QUEUE_STEP))
}

/// `GET …/requests/{id}/status`.
pub async fn status(context: Context, path: &RequestPath) -> Result<Response, ApiError> {
    let request = find(&context, path)?;
    let fault = by_scenario(&context.sim, request.scenario, Call::Status, &request.id);
    if let Some(fault) = fault {
        return Ok(disturb::apply(fault, None).await);
    }
    let logs = wants_logs(&context).then(|| request.logs_within(context.sim.config.log_window));
    let body = request.status(logs, position(&context.sim, &request));
    let completed = body.get("status").is_some_and(|status| status == "COMPLETED");
    let code = if completed { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok(with_request_id((code, Json(body)).into_response(), &request.id))
}

/// `GET …/requests/{id}`.
pub async fn result(context: Context, path: &RequestPath) -> Result<Response, ApiError> {
    let request = find(&context, path)?;
    if request.is_forgotten() {
        return Err(ApiError::UnknownRequest);
    }
    let outcome = request.outcome().ok_or(ApiError::StillInProgress)?;
    let response = replay(&outcome, &request.id);
    Ok(match by_scenario(&context.sim, request.scenario, Call::Result, &request.id) {
        Some(fault) => disturb::apply(fault, Some(response)).await,
        None => response,
    })
}

/// An outcome as the HTTP answer it stands for.
pub fn replay(outcome: &Outcome, id: &str) -> Response {
    let status = StatusCode::from_u16(outcome.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, Json(outcome.body.clone())).into_response();
    let headers = response.headers_mut();
    headers.insert("x-fal-billable-units", HeaderValue::from(outcome.billable_units));
    for (name, value) in &outcome.headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    with_request_id(response, id)
}

/// `PUT …/requests/{id}/cancel`.
pub fn cancel(context: &Context, path: &RequestPath) -> Result<Response, ApiError> {
    let answer = |code: StatusCode, status: &str| (code, Json(json!({"status": status}))).into_response();
    let request = match find(context, path) {
        Err(ApiError::UnknownRequest) => return Ok(answer(StatusCode::NOT_FOUND, "NOT_FOUND")),
        other => other?,
    };
    let response = match request.phase() {
        Phase::Queued => answer(StatusCode::OK, "OK"),
        Phase::Running => answer(StatusCode::ACCEPTED, "CANCELLATION_REQUESTED"),
        Phase::Done(_) => answer(StatusCode::BAD_REQUEST, "ALREADY_COMPLETED"),
    };
    request.cancel();
    Ok(with_request_id(response, &request.id))
}

/// Loses the result of the request that a call is about.
pub fn vanish(context: &Context, route: &Route) {
    let (Route::Status(path) | Route::StatusStream(path) | Route::Result(path) | Route::Cancel(path)) = route else {
        return;
    };
    if let Ok(request) = find(context, path) {
        request.vanish();
    }
}

/// Adds `x-fal-request-id`.
pub fn with_request_id(mut response: Response, id: &str) -> Response {
    if let Ok(id) = HeaderValue::from_str(id) {
        response.headers_mut().insert("x-fal-request-id", id);
    }
    response
}

/// A draft of a request by the sync route.
pub fn sync_draft(
    endpoint: &'static Endpoint,
    app: AppPath,
    owner: String,
    input: Value,
    origin: Origin,
    settings: Settings,
) -> Draft {
    Draft { endpoint, app, owner, input: Arc::new(input), origin, settings, sync: true }
}
