//! The worker, made out of the other parts.

use std::sync::Arc;
use std::time::Duration;

use image2model_host::config::{self, Config};
use image2model_host::edge::Edge;
use image2model_host::fal::FalClient;
use image2model_host::ops::heartbeat::HostIdentity;
use image2model_host::redis::{Tail, TailMessage};
use image2model_host::worker::{UncertainSubmits, Worker, WorkerConfig, WorkerDeps, makes_work};
use tokio::sync::Notify;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::adapters::{StoredBlobs, providers};
use super::foundation::Foundation;
use super::simulator::Fal;

/// A worker that is woken by the tail.
pub async fn prepare(
    config: &Config,
    base: &Foundation,
    edge: &Edge,
    fal: &Fal,
    tail: &Tail,
    identity: &HostIdentity,
) -> anyhow::Result<Worker> {
    let wake = Arc::new(Notify::new());
    let worker = Worker::new(WorkerDeps {
        store: base.store.clone(),
        blobs: Arc::new(StoredBlobs(base.blobs.clone())),
        providers: providers(edge, &config.fal).await?,
        fal: FalClient::new(fal.client.clone())?,
        wake: wake.clone(),
        config: settings(config, base, fal, identity),
    });
    tokio::spawn(wake_on_news(tail.subscribe(), wake, worker.clone()));
    Ok(worker)
}

fn settings(config: &Config, base: &Foundation, fal: &Fal, identity: &HostIdentity) -> WorkerConfig {
    let mut defaults = WorkerConfig::new(&identity.id, &identity.machine);
    defaults.uncertain_submits = match config.fal.uncertain_submits {
        config::UncertainSubmits::Fail => UncertainSubmits::Fail,
        config::UncertainSubmits::ResubmitOnce => UncertainSubmits::ResubmitOnce,
    };
    if fal.is_simulated() {
        // It forgets its requests when this process ends: files under way are sent again instead of failing.
        defaults.unpaid = true;
        defaults.uncertain_submits = UncertainSubmits::ResubmitOnce;
        defaults.reconcile_for = Duration::from_secs(5);
    }
    WorkerConfig {
        fal_mode: fal.mode().to_owned(),
        max_in_flight: config.fal.max_concurrent,
        max_running: config.fal.max_concurrent,
        max_running_per_tenant: config.fal.max_concurrent_per_tenant,
        submits_per_window: config.fal.starts_per_minute,
        submit_window: Duration::from_secs(60),
        lease: config.fal.lease,
        deadline: config.fal.deadline,
        soft_deadline: config.fal.soft_deadline,
        webhook_url: config.fal.webhook_url.clone(),
        breaker_pause: config.fal.pause,
        grace: defaults.grace.min(config.shutdown_grace),
        pace: fal.pace(config),
        keep_results: config.blobs.keep_results,
        redis_forgets: !base.keeps_every_write(),
        ..defaults
    }
}

/// Until the tail ends.
async fn wake_on_news(mut tail: Receiver<TailMessage>, wake: Arc<Notify>, worker: Worker) {
    loop {
        match tail.recv().await {
            Ok(TailMessage::Knock(file)) => worker.knock(&file),
            Ok(TailMessage::Revoked(_)) => {}
            Ok(TailMessage::Event(event)) if !makes_work(&event.data) => {}
            Ok(_) | Err(RecvError::Lagged(_)) => wake.notify_one(),
            Err(RecvError::Closed) => return,
        }
    }
}
