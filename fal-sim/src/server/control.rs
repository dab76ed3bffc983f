//! The control interface `/sim/…`, for tests: what was accepted, the counts, and arming faults. Local callers only.

use super::context::Context;
use crate::json::set;
use crate::{errors::ApiError, faults::Armed, report};
use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{Method, StatusCode};
use serde_json::json;

/// Answers `/sim/{path}`.
pub async fn answer(mut context: Context, path: &str) -> Result<Response, ApiError> {
    if !context.peer.ip().to_canonical().is_loopback() {
        return Err(ApiError::NotLocal);
    }
    let sim = context.sim.clone();
    match (&context.method, path) {
        (&Method::GET, "health") => Ok(Json(json!({"status": "ok"})).into_response()),
        (&Method::GET, "requests") => Ok(Json(json!({"requests": report::requests(&sim)})).into_response()),
        (&Method::GET, "counters") => {
            let (files, bytes) = sim.storage.usage();
            let mut counts = json!(sim.counters.get());
            set(&mut counts, "stored_files", files);
            set(&mut counts, "stored_bytes", bytes);
            Ok(Json(counts).into_response())
        }
        (&Method::GET, "faults") => Ok(Json(json!({"faults": sim.faults.armed()})).into_response()),
        (&Method::DELETE, "faults") => {
            sim.faults.disarm();
            Ok(StatusCode::NO_CONTENT.into_response())
        }
        (&Method::POST, "faults") => {
            let armed = context.read_json().await?;
            let armed: Armed =
                serde_json::from_value(armed).map_err(|error| ApiError::BadRequest(format!("Not a fault: {error}")))?;
            if !sim.faults.arm(armed) {
                return Err(ApiError::BadRequest("Too many faults are armed".into()));
            }
            Ok((StatusCode::CREATED, Json(json!({"faults": sim.faults.armed()}))).into_response())
        }
        (_, "health" | "requests" | "counters" | "faults") => Err(ApiError::MethodNotAllowed),
        _ => Err(ApiError::UnknownPath(format!("sim/{path}"))),
    }
}
