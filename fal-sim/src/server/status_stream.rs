//! `GET …/status/stream`: an event on each change of state, place or logs, log lines only once, a comment every 15
//! seconds, closed after COMPLETED.

use super::{
    context::Context,
    dispatch::by_scenario,
    disturb,
    queue_calls::{find, position, wants_logs, with_request_id},
    route::RequestPath,
    sse::{self, Events, Gone},
};
use crate::{errors::ApiError, faults::Call, queue::Request, sim::Sim};
use axum::response::Response;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

const PING: Duration = Duration::from_secs(15);
/// How often changes are looked for.
const TICK: Duration = Duration::from_millis(100);

/// Answers with the stream.
pub async fn stream(context: Context, path: &RequestPath) -> Result<Response, ApiError> {
    let request = find(&context, path)?;
    let fault = by_scenario(&context.sim, request.scenario, Call::Stream, &request.id);
    let (events, response) = sse::channel();
    let response = with_request_id(response, &request.id);
    let (sim, logs) = (context.sim.clone(), wants_logs(&context));
    context.sim.spawn(async move {
        // A reader that left needs nothing more.
        let _ = follow(&sim, &request, &events, logs).await;
    });
    Ok(match fault {
        Some(fault) => disturb::apply(fault, Some(response)).await,
        None => response,
    })
}

async fn follow(sim: &Arc<Sim>, request: &Request, events: &Events, logs: bool) -> Result<(), Gone> {
    let (mut sent_lines, mut last, mut spoken) = (0, None, Instant::now());
    loop {
        let (lines, count) = request.logs_since(sent_lines);
        let fresh = logs && !lines.is_empty();
        let status = request.status(logs.then_some(lines), position(sim, request));
        let state = (status.get("status").cloned(), status.get("queue_position").cloned());
        if fresh || last.as_ref() != Some(&state) {
            events.send(&status).await?;
            spoken = Instant::now();
            sent_lines = count;
        }
        if state.0.as_ref().is_some_and(|state| state == "COMPLETED") {
            return Ok(());
        }
        last = Some(state);
        if spoken.elapsed() >= PING {
            events.ping().await?;
            spoken = Instant::now();
        }
        tokio::time::sleep(TICK).await;
    }
}
