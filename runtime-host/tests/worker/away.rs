//! FAL is away, or refuses the account, for longer than a retry or two: files wait, and no attempt is counted.

use std::time::Duration;

use anyhow::Result;
use fal_sim::{Call, Kind, When};
use image2model_domain::commands::{Bind, CancelJob, Release};
use image2model_domain::{FileStatus, JobStatus};
use image2model_host::fal::{EndpointId, FalClient, FalConfig, Submission};
use image2model_host::worker::BreakerState;

use crate::support::steps::{announce, claim};
use crate::support::{KEY, Parts, until};

#[tokio::test]
async fn an_outage_costs_no_attempt_and_holds_all_files_back() -> Result<()> {
    let parts = Parts::start().await?;
    parts.disturb(Call::Initiate, Kind::BadGateway, When::Before, 1000);
    let worker = parts.work()?;
    let id = parts.upload(&["a.png", "b.png", "c.png", "d.png"]).await?;
    until(|| worker.worker.status().breaker != BreakerState::Closed).await?;
    let waiting = parts.file(&id, |file| file.message.starts_with("Waiting until")).await?;
    assert_eq!(waiting.files[0].status, FileStatus::Pending);
    parts.sim.disarm();
    let job = parts.completed(&id).await?;
    assert!(job.files.iter().all(|file| file.attempts == 0), "{job:#?}");
    assert_eq!(parts.requests().len(), 4);
    until(|| worker.worker.status().breaker == BreakerState::Closed).await?;
    parts.assert_at_rest().await?;
    worker.stop().await
}

#[tokio::test]
async fn an_outage_is_waited_for_until_the_deadline_and_no_longer() -> Result<()> {
    let parts = Parts::start().await?;
    parts.disturb(Call::Initiate, Kind::BadGateway, When::Before, 1000);
    let mut config = parts.worker_config("w1");
    config.deadline = Duration::from_secs(3);
    let worker = parts.work_as(config)?;
    let id = parts.upload(&["a.png"]).await?;
    let job = parts.ended(&id).await?;
    let code = job.files[0].error.as_ref().map(|error| error.code.clone()).unwrap_or_default();
    assert!(["PROVIDER_UNAVAILABLE", "PROVIDER_TIMEOUT"].contains(&code.as_str()), "{job:#?}");
    assert!(parts.requests().is_empty());
    parts.assert_at_rest().await?;
    worker.stop().await
}

#[tokio::test]
async fn what_one_worker_finds_out_about_the_account_holds_for_all() -> Result<()> {
    let parts = Parts::start().await?;
    let first = parts.work()?;
    let second = parts.work_as(parts.worker_config("w2"))?;
    parts.disturb(Call::Submit, Kind::Balance, When::Before, 1);
    let id = parts.upload(&["a.png"]).await?;
    until(|| [&first, &second].iter().all(|at| at.worker.status().breaker != BreakerState::Closed)).await?;
    let job = parts.ended(&id).await?;
    assert_eq!((job.status, job.files[0].attempts), (JobStatus::Completed, 0), "{job:#?}");
    until(|| [&first, &second].iter().all(|at| at.worker.status().breaker == BreakerState::Closed)).await?;
    assert_eq!(parts.requests().len(), 1);
    first.stop().await?;
    second.stop().await
}

#[tokio::test]
async fn a_model_that_nobody_here_knows_waits_for_somebody_who_does() -> Result<()> {
    let parts = Parts::start().await?;
    let mut config = parts.worker_config("w1");
    config.deadline = Duration::from_secs(2);
    config.unknown_model_pause = Duration::from_millis(100);
    let worker = parts.work_as(config)?;
    let mut create = parts.stored(&["a.png"])?;
    create.model = "yet-to-come".to_owned();
    parts.store.run(&create).await?;
    let waiting = parts.file(&create.job, |file| file.message.starts_with("Waiting for a worker that knows")).await?;
    assert_eq!((waiting.files[0].status, waiting.files[0].attempts), (FileStatus::Pending, 0));
    let job = parts.ended(&create.job).await?;
    assert_eq!(job.files[0].error.as_ref().map(|error| error.code.as_str()), Some("UNKNOWN_MODEL"));
    worker.stop().await
}

#[tokio::test]
async fn a_cancelled_request_that_could_not_be_found_is_cancelled_once_it_can() -> Result<()> {
    let parts = Parts::start().await?;
    parts.disturb(Call::Submit, Kind::Drop, When::After, 1);
    parts.disturb(Call::History, Kind::BadGateway, When::Before, 1000);
    let mut config = parts.worker_config("w1");
    config.reconcile_for = Duration::from_secs(60);
    config.orphan_look_for = Duration::from_millis(300);
    config.orphan_pause = Duration::from_millis(100);
    let worker = parts.work_as(config)?;
    let id = parts.upload(&["sim-slow.png"]).await?;
    until(|| !parts.requests().is_empty()).await?;
    parts.store.run(&CancelJob(&id)).await?;
    assert_eq!(parts.ended(&id).await?.status, JobStatus::Cancelled);
    assert!(!parts.requests()[0].cancel_requested);
    parts.sim.disarm();
    // That it is not known there is not believed at once.
    parts.disturb(Call::Cancel, Kind::NotFound, When::Before, 2);
    until(|| parts.requests()[0].cancel_requested).await?;
    let orphans = parts.store.keys().queue_orphans();
    while parts.store.query::<u64>(redis::cmd("ZCARD").arg(&orphans)).await? > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    parts.assert_at_rest().await?;
    worker.stop().await
}

#[tokio::test]
async fn a_request_of_a_model_that_nobody_here_knows_is_cancelled_all_the_same() -> Result<()> {
    let parts = Parts::start().await?;
    let mut create = parts.stored(&["sim-slow.png"])?;
    create.model = "gone".to_owned();
    parts.store.run(&create).await?;
    // A worker that knew the model has sent it, and was told to stop.
    let endpoint = "tripo3d/tripo/v2.5/image-to-3d";
    let mut known = redis::cmd("HSET");
    known.arg(parts.store.keys().providers()).arg("gone").arg(format!(r#"{{"endpoint":"{endpoint}"}}"#));
    parts.store.query::<()>(&known).await?;
    let fal = FalClient::new(FalConfig::simulator(&parts.sim.base_url(), KEY.into()))?;
    let submission = Submission {
        body: r#"{"image_url":"https://example.com/sim-slow.png"}"#,
        start_within: Duration::from_secs(60),
        not_after: tokio::time::Instant::now() + Duration::from_secs(60),
        webhook: None,
        low_priority: false,
    };
    let request_id = fal.submit(&EndpointId::parse(endpoint)?, submission).await?.request_id;
    let holding = claim(&parts).await?.files.remove(0).holding;
    announce(&parts, &holding, "url").await?;
    let bind = Bind { holding: &holding, request_id: &request_id, image_url: "url", reconciled: false };
    parts.store.run(&bind).await?;
    parts.store.run(&Release { holding: &holding }).await?;

    let mut config = parts.worker_config("w1");
    config.unknown_model_pause = Duration::from_millis(100);
    config.orphan_pause = Duration::from_millis(100);
    let worker = parts.work_as(config)?;
    parts.file(&create.job, |file| file.message.starts_with("Waiting for a worker that knows")).await?;
    parts.store.run(&CancelJob(&create.job)).await?;
    assert_eq!(parts.ended(&create.job).await?.status, JobStatus::Cancelled);
    until(|| parts.requests()[0].cancel_requested).await?;
    worker.stop().await
}
