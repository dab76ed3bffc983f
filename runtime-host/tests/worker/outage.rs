//! What is paid for survives the neighbours' bad hours: a long stop, a Redis that refuses writes, a lease lost meanwhile.

use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Result;
use fal_sim::{Call, Kind, When};
use image2model_domain::{FileStatus, JobStatus};
use image2model_host::redis::{Replicas, Store};
use image2model_processes::RedisServer;

use crate::support::{Parts, SYNCED, until};

/// As if another worker had claimed the job's first file: a newer fence.
async fn steal(parts: &Parts, id: &image2model_domain::JobId) -> Result<()> {
    let key = parts.store.keys().file(id, &parts.job(id).await?.files[0].id);
    Ok(parts.store.query::<()>(redis::cmd("HSET").arg(key).arg("fence").arg("9")).await?)
}

async fn replicas_needed(parts: &Parts, count: u32) -> Result<()> {
    let mut command = redis::cmd("CONFIG");
    command.arg("SET").arg("min-replicas-to-write").arg(count);
    Ok(parts.store.query::<()>(&command).await?)
}

#[tokio::test]
async fn a_model_that_was_done_before_a_long_stop_is_fetched_however_the_first_polls_end() -> Result<()> {
    let parts = Parts::start().await?;
    let first = parts.work()?;
    let id = parts.upload(&["chair.png"]).await?;
    parts.file(&id, |file| file.fal_request_id.is_some()).await?;
    first.kill().await;
    until(|| parts.requests()[0].outcome.is_some()).await?;
    // The deadline is long over when somebody takes the file up, and the network is only just coming back.
    parts.disturb(Call::Status, Kind::BadGateway, When::Before, 2);
    parts.disturb(Call::Status, Kind::Reset, When::Before, 2);
    let mut config = parts.worker_config("w2");
    config.deadline = Duration::from_millis(1);
    let second = parts.work_as(config)?;
    parts.completed(&id).await?;
    assert!(!parts.requests()[0].cancel_requested);
    second.stop().await
}

#[tokio::test]
async fn a_redis_that_refuses_writes_for_a_while_is_waited_for_with_the_request_id() -> Result<()> {
    let parts = Parts::start().await?;
    parts.disturb(Call::Submit, Kind::Delay, When::After, 1);
    // Whoever has to look the request up does not find it.
    parts.disturb(Call::History, Kind::BadGateway, When::Before, 1000);
    let worker = parts.work()?;
    let id = parts.upload(&["chair.png"]).await?;
    until(|| !parts.requests().is_empty()).await?;
    // A failover, a full disk: Redis answers, and takes nothing.
    replicas_needed(&parts, 1).await?;
    tokio::time::sleep(Duration::from_secs(4)).await;
    replicas_needed(&parts, 0).await?;
    parts.completed(&id).await?;
    assert_eq!(parts.requests().len(), 1);
    parts.assert_at_rest().await?;
    worker.stop().await
}

#[tokio::test]
async fn nothing_is_submitted_that_no_replica_knows_of() -> Result<()> {
    let mut parts = Parts::start().await?;
    parts.store = parts.store.with_replicas(Replicas { count: 1, within: Duration::from_millis(100) });
    let mut config = parts.worker_config("w1");
    config.redis_patience = Duration::from_secs(2);
    let worker = parts.work_as(config)?;
    let id = parts.upload(&["chair.png"]).await?;
    // It is announced again and again, which is one place in the window; then it waits, and nothing is in doubt.
    parts.file(&id, |file| file.intent.is_some()).await?;
    let waiting = parts.file(&id, |file| file.message.contains("records twice")).await?;
    assert_eq!((waiting.files[0].status, &waiting.files[0].intent), (FileStatus::Pending, &None));
    let submissions = format!("{}queue:submissions", parts.store.keys().prefix());
    assert!(parts.store.query::<u32>(redis::cmd("ZCARD").arg(&submissions)).await? <= 2);
    assert!(parts.requests().is_empty());
    let replica = RedisServer::start(&SYNCED)?;
    let primary = parts.redis.url();
    let port = primary.rsplit_once(':').map(|(_, port)| port).unwrap_or_default();
    Store::open(&replica.url())?.query::<()>(redis::cmd("REPLICAOF").arg("127.0.0.1").arg(port)).await?;
    parts.completed(&id).await?;
    assert_eq!(parts.requests().len(), 1);
    worker.stop().await
}

#[tokio::test]
async fn a_request_id_is_kept_even_when_the_lease_was_lost_meanwhile() -> Result<()> {
    let parts = Parts::start().await?;
    parts.disturb(Call::Submit, Kind::Delay, When::After, 1);
    parts.disturb(Call::History, Kind::BadGateway, When::Before, 1000);
    let worker = parts.work()?;
    let id = parts.upload(&["chair.png"]).await?;
    until(|| !parts.requests().is_empty()).await?;
    steal(&parts, &id).await?;
    parts.completed(&id).await?;
    assert_eq!(parts.requests().len(), 1);
    parts.assert_at_rest().await?;
    worker.stop().await
}

#[tokio::test]
async fn a_plugin_that_breaks_down_is_asked_again() -> Result<()> {
    let parts = Parts::start().await?;
    parts.tripo.broken_requests.store(2, Ordering::Relaxed);
    parts.tripo.broken_results.store(2, Ordering::Relaxed);
    let worker = parts.work()?;
    let id = parts.upload(&["chair.png"]).await?;
    parts.completed(&id).await?;
    assert_eq!(parts.requests().len(), 1);
    worker.stop().await
}

#[tokio::test]
async fn a_request_that_a_restarted_simulator_has_forgotten_is_sent_again() -> Result<()> {
    let parts = Parts::start().await?;
    // As often as it takes to be believed, and its history is as forgetful.
    parts.disturb(Call::Status, Kind::NotFound, When::Before, 5);
    parts.disturb(Call::History, Kind::BadGateway, When::Before, 1000);
    let mut config = parts.worker_config("w1");
    config.unpaid = true;
    let worker = parts.work_as(config)?;
    let id = parts.upload(&["chair.png"]).await?;
    let job = parts.ended(&id).await?;
    assert_eq!((job.status, parts.requests().len()), (JobStatus::Completed, 2), "{job:#?}");
    parts.assert_at_rest().await?;
    worker.stop().await
}
