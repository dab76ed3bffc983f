//! Takes one request from its acceptance to its end: queue, start deadline, run, cancellation, webhook.
//! The model is made while the time passes that the real platform would take; whichever lasts longer decides.

use super::{Request, Settings, Slot, logs::STAGES, output};
use crate::{
    errors::{ModelError, Outcome, RequestError},
    image_source,
    model::schema,
    scenario::Scenario,
    sim::Sim,
    webhook,
};
use rand::Rng;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::{future::pending, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep, sleep_until};

/// The longest that the start-timeout scenario waits, at speed 1, whatever deadline the caller set.
const LONGEST_START_WAIT: Duration = Duration::from_secs(10);
/// How far into its run a scenario's failure shows.
const FAILS_AT: f64 = 0.3;

/// Runs a request that waits in the queue.
pub async fn run_queued(sim: Arc<Sim>, request: Arc<Request>, input: Arc<Value>) {
    let outcome = tokio::select! {
        biased;
        () = request.cancellation() => RequestError::Cancelled.outcome(),
        () = start_deadline(&sim, &request) => RequestError::StartupTimeout.outcome(),
        slot = turn(&request) => run(&sim, &request, &input, slot).await,
    };
    end(&sim, &request, outcome);
}

/// Runs a request that came by the sync route and already has its slot.
pub async fn run_sync(sim: Arc<Sim>, request: Arc<Request>, input: Arc<Value>, slot: Slot) {
    let outcome = run(&sim, &request, &input, slot).await;
    end(&sim, &request, outcome);
}

fn end(sim: &Arc<Sim>, request: &Arc<Request>, outcome: Outcome) {
    tracing::info!(fal_request_id = request.id, status = outcome.status, "request ended");
    sim.counters.ended(&outcome);
    sim.tuning.lock().spend(outcome.billable_units);
    request.finish(outcome);
    if request.settings.webhook.is_some() {
        sim.spawn(webhook::deliver(sim.clone(), request.clone()));
    }
}

async fn turn(request: &Request) -> Slot {
    match request.place() {
        Some(place) if request.scenario != Scenario::StartTimeout => place.turn(request.ready).await,
        _ => pending().await,
    }
}

/// Ends when the request should have started by now.
async fn start_deadline(sim: &Sim, request: &Request) {
    let Settings { start_deadline, .. } = request.settings;
    let deadline = match request.scenario {
        Scenario::StartTimeout => {
            let asked = start_deadline.unwrap_or(LONGEST_START_WAIT).min(LONGEST_START_WAIT);
            Some(sim.config.scaled(asked))
        }
        _ => start_deadline,
    };
    match deadline.and_then(|deadline| request.accepted.checked_add(deadline)) {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
}

async fn run(sim: &Arc<Sim>, request: &Arc<Request>, input: &Value, _slot: Slot) -> Outcome {
    request.start();
    let ignores =
        !sim.tuning.lock().honour_cancel || matches!(request.scenario, Scenario::CancelIgnored | Scenario::Stuck);
    tokio::select! {
        outcome = perform(sim, request, input) => outcome,
        () = request.cancellation(), if !ignores => cancelled(sim, request, input),
    }
}

/// The end of a running request that was cancelled; some models bill it all the same.
fn cancelled(sim: &Sim, request: &Request, input: &Value) -> Outcome {
    let outcome = RequestError::Cancelled.outcome();
    if request.scenario != Scenario::CancelBilled && !sim.tuning.lock().bill_cancelled {
        return outcome;
    }
    let billable_units = request.endpoint.billable_units(&request.endpoint.options(input));
    Outcome { billable_units, ..outcome }
}

async fn perform(sim: &Arc<Sim>, request: &Arc<Request>, input: &Value) -> Outcome {
    let faults = schema::check(request.endpoint.fields, input);
    if !faults.is_empty() {
        return ModelError::invalid(faults).outcome();
    }
    let options = request.endpoint.options(input);
    let duration = run_time(sim);
    if let Some(failure) = failure(request, request.endpoint.billable_units(&options)) {
        pace(request, duration, FAILS_AT).await;
        return failure;
    }
    match request.scenario {
        Scenario::Slow | Scenario::Stuck | Scenario::CancelBilled => {
            pace(request, duration, 0.9).await;
            return pending().await;
        }
        Scenario::Requeue => {
            pace(request, duration, FAILS_AT).await;
            request.requeue();
            sleep(sim.config.scaled(Duration::from_secs(5))).await;
            request.start();
        }
        _ => {}
    }
    let making = make(sim, request, input, options);
    let passing = async {
        pace(request, duration, 1.0).await;
        Ok(())
    };
    match tokio::try_join!(making, passing) {
        Ok((generated, ())) => output::store(sim, request, input, &options, generated).await,
        Err(error) => {
            tracing::debug!(fal_request_id = request.id, kind = error.kind(), "model refused");
            error.outcome()
        }
    }
}

fn failure(request: &Request, billable_units: u32) -> Option<Outcome> {
    Some(match request.scenario {
        Scenario::ContentPolicy => ModelError::content_policy(billable_units).outcome(),
        Scenario::FileDownload => ModelError::file_download().outcome(),
        Scenario::NoMedia => ModelError::no_media().outcome(),
        Scenario::Downstream => ModelError::downstream_unavailable().outcome(),
        Scenario::DownstreamError => ModelError::downstream_error().outcome(),
        Scenario::GenerationTimeout => ModelError::generation_timeout().outcome(),
        Scenario::ServerError => RequestError::RunnerServerError.outcome(),
        Scenario::RunnerDisconnected => RequestError::RunnerDisconnected.outcome(),
        _ => return None,
    })
}

async fn make(
    sim: &Arc<Sim>,
    request: &Request,
    input: &Value,
    options: fal_sim_relief::Options,
) -> Result<fal_sim_relief::Generated, ModelError> {
    let url = request.endpoint.image_url(input).ok_or_else(ModelError::file_download)?;
    let source = image_source::fetch(sim, url).await?;
    if let fal_sim_relief::Source::Encoded(bytes) = &source {
        request.know_image(|| hex::encode(Sha256::digest(bytes)));
    }
    let closed = |_| ModelError::internal("the simulator is stopping");
    let permit = sim.generators.clone().acquire_owned().await.map_err(closed)?;
    let work = move || {
        let generated = fal_sim_relief::generate(source, &options);
        drop(permit);
        generated
    };
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| ModelError::internal("the generator stopped"))?
        .map_err(ModelError::from)
}

/// Lets the first `share` of a run pass, writing its log lines as their time comes.
async fn pace(request: &Request, duration: Duration, share: f64) {
    let began = Instant::now();
    for (at, line) in STAGES.iter().filter(|(at, _)| *at < share) {
        sleep_until(began + duration.mul_f64(*at)).await;
        request.log(line);
    }
    sleep_until(began + duration.mul_f64(share)).await;
}

fn run_time(sim: &Sim) -> Duration {
    let (least, most) = (sim.config.run_time.start(), sim.config.run_time.end());
    sim.config.scaled(rand::rng().random_range(*least..=(*most).max(*least)))
}
