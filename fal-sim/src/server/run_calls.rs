//! The sync routes of `fal.run`: run and wait, or run and stream. Over the concurrency limit they refuse at once.

use super::{
    auth,
    context::Context,
    dispatch::by_scenario,
    disturb, options,
    queue_calls::{endpoint, replay, sync_draft, with_request_id},
    sse::{self, Events, Gone},
};
use crate::{
    errors::{ApiError, RequestError},
    faults::Call,
    queue::{Request, run_sync},
    sim::Sim,
};
use axum::response::Response;
use serde_json::json;
use std::{sync::Arc, time::Duration};

/// How often a run stream looks for new log lines.
const TICK: Duration = Duration::from_millis(100);

/// `POST /{endpoint id}`.
pub async fn run(mut context: Context, id: &str) -> Result<Response, ApiError> {
    let request = match start(&mut context, id).await? {
        Started::Running(request) => request,
        Started::Refused(response) => return Ok(response),
    };
    let outcome = request.finished().await;
    Ok(replay(&outcome, &request.id))
}

/// `POST /{endpoint id}/stream`: each log line as a value, the output as the last one.
pub async fn stream(mut context: Context, id: &str) -> Result<Response, ApiError> {
    let request = match start(&mut context, id).await? {
        Started::Running(request) => request,
        Started::Refused(response) => return Ok(response),
    };
    let (events, response) = sse::channel();
    let response = with_request_id(response, &request.id);
    context.sim.spawn(async move {
        // A reader that left needs nothing more; the run goes on.
        let _ = follow(&request, &events).await;
    });
    Ok(response)
}

async fn follow(request: &Request, events: &Events) -> Result<(), Gone> {
    let mut sent = 0;
    loop {
        let outcome = request.outcome();
        let (lines, count) = request.logs_since(sent);
        for line in lines {
            events.send(&json!({"message": line.get("message"), "timestamp": line.get("timestamp")})).await?;
        }
        sent = count;
        if let Some(outcome) = outcome {
            return events.send(&outcome.body).await;
        }
        tokio::time::sleep(TICK).await;
    }
}

enum Started {
    Running(Arc<Request>),
    Refused(Response),
}

async fn start(context: &mut Context, id: &str) -> Result<Started, ApiError> {
    let owner = auth::payer(context);
    let input = context.read_json().await?;
    let owner = owner?;
    let (endpoint, app) = endpoint(id)?;
    let settings = options::settings(context)?;
    let sim: &Arc<Sim> = &context.sim;
    let draft = sync_draft(endpoint, app, owner, input, context.target.origin.clone(), settings);
    let (input, owner) = (draft.input.clone(), draft.owner.clone());
    let request = Arc::new(Request::new(draft, None, Duration::ZERO));
    let subject = request.image_url.clone().unwrap_or_default();
    if let Some(fault) = by_scenario(sim, request.scenario, Call::Run, &subject) {
        return Ok(Started::Refused(disturb::apply(fault, None).await));
    }
    let lane = sim.queue.lane(&owner).ok_or(ApiError::UnknownKey)?;
    let Some(slot) = lane.try_slot() else {
        return Ok(Started::Refused(replay(&RequestError::ConcurrentRequests.outcome(), &request.id)));
    };
    sim.queue.add(request.clone());
    sim.counters.update(|counts| counts.accepted += 1);
    sim.spawn(run_sync(sim.clone(), request.clone(), input, slot));
    Ok(Started::Running(request))
}
