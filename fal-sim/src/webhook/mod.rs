//! Webhooks: the outcome posted to the caller's URL, signed, retried with growing pauses until it is acknowledged.
//! Bounded by `webhook_attempts`; redirects and malformed targets end it at once.

mod signature;

pub use signature::Signer;

use crate::json::set;
use crate::{
    errors::Outcome,
    faults::{Call, Kind},
    queue::Request,
    sim::Sim,
};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

/// The first attempt's patience; later ones have [`RETRY_TIMEOUT`].
const FIRST_TIMEOUT: Duration = Duration::from_secs(15);
const RETRY_TIMEOUT: Duration = Duration::from_secs(120);
/// First pause, at speed 1; doubles with each attempt up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(900);

/// Delivers the outcome of a finished request.
pub async fn deliver(sim: Arc<Sim>, request: Arc<Request>) {
    let (Some(target), Some(outcome)) = (request.settings.webhook.clone(), request.outcome()) else { return };
    let body = body(&request, &outcome).to_string();
    sim.counters.call(Call::Webhook);
    let copies = match sim.faults.take(Call::Webhook, target.path()).map(|fault| fault.kind) {
        Some(Kind::Lost | Kind::Drop) => 0,
        Some(Kind::Duplicate) => 2,
        _ => 1,
    };
    for _ in 0..copies {
        attempts(&sim, &request, target.clone(), &body).await;
    }
}

async fn attempts(sim: &Sim, request: &Request, target: url::Url, body: &str) {
    let mut pause = FIRST_PAUSE;
    for attempt in 0..sim.config.webhook_attempts {
        let timeout = if attempt == 0 { FIRST_TIMEOUT } else { RETRY_TIMEOUT };
        let mut call = sim.client.post(target.clone()).timeout(timeout).header("content-type", "application/json");
        for (name, value) in sim.signer.headers(&request.id, &request.owner, body.as_bytes()) {
            call = call.header(name, value);
        }
        let status = call.body(body.to_owned()).send().await.map(|answer| answer.status());
        match status {
            Ok(status) if status.is_success() => {
                sim.counters.update(|counts| counts.webhooks_delivered += 1);
                return;
            }
            Ok(status) if status.is_redirection() => break,
            _ => {}
        }
        sim.counters.update(|counts| counts.webhook_failures += 1);
        tokio::time::sleep(sim.config.scaled(pause)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    tracing::warn!(fal_request_id = request.id, "webhook was not delivered");
}

fn body(request: &Request, outcome: &Outcome) -> Value {
    let mut body = json!({
        "request_id": request.id, "gateway_request_id": request.id,
        "status": if outcome.is_success() { "OK" } else { "ERROR" },
        "payload": outcome.body,
    });
    if let Some(error) = &outcome.error {
        set(&mut body, "error", error.as_str());
    }
    body
}
