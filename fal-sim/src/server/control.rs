//! The control interface `/sim/…`, for tests: what was accepted and billed, settings, and faults. Local callers only.

use super::context::Context;
use crate::json::set;
use crate::{
    bills::bills,
    errors::ApiError,
    faults::{Armed, Chaos},
    report,
    sim::Sim,
    tuning::Change,
};
use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{Method, StatusCode};
use serde::de::DeserializeOwned;
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
        (&Method::GET, "bills") => Ok(Json(json!({"bills": bills(&sim)})).into_response()),
        (&Method::GET, "settings") => Ok(Json(sim.tuning.lock().clone()).into_response()),
        (&Method::PATCH, "settings") => {
            let change: Change = read(&mut context, "a change of settings").await?;
            let mut tuning = sim.tuning.lock();
            tuning.change(&change);
            Ok(Json(tuning.clone()).into_response())
        }
        (&Method::GET, "faults") => Ok(armed(&sim, StatusCode::OK)),
        (&Method::DELETE, "faults") => {
            sim.faults.disarm();
            Ok(StatusCode::NO_CONTENT.into_response())
        }
        (&Method::POST, "faults") => {
            let line: Armed = read(&mut context, "a fault").await?;
            if !sim.faults.arm(line) {
                return Err(ApiError::BadRequest("Too many faults are armed".into()));
            }
            Ok(armed(&sim, StatusCode::CREATED))
        }
        (&Method::PUT, "chaos") => {
            let chaos: Chaos = read(&mut context, "chaos").await?;
            sim.faults.set_chaos(Some(chaos));
            Ok(armed(&sim, StatusCode::OK))
        }
        (&Method::DELETE, "chaos") => {
            sim.faults.set_chaos(None);
            Ok(StatusCode::NO_CONTENT.into_response())
        }
        (_, "health" | "requests" | "counters" | "bills" | "settings" | "faults" | "chaos") => {
            Err(ApiError::MethodNotAllowed)
        }
        _ => Err(ApiError::UnknownPath(format!("sim/{path}"))),
    }
}

async fn read<T: DeserializeOwned>(context: &mut Context, what: &str) -> Result<T, ApiError> {
    serde_json::from_value(context.read_json().await?)
        .map_err(|error| ApiError::BadRequest(format!("Not {what}: {error}")))
}

fn armed(sim: &Sim, code: StatusCode) -> Response {
    (code, Json(json!({"faults": sim.faults.armed(), "chaos": sim.faults.chaos()}))).into_response()
}
