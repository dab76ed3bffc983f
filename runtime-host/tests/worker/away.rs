//! FAL is away, or refuses the account, for longer than a retry or two: files wait, and no attempt is counted.

use std::time::Duration;

use anyhow::Result;
use fal_sim::{Call, Kind, When};
use image2model_domain::{FileStatus, JobStatus};
use image2model_host::worker::BreakerState;

use crate::support::{Parts, until};

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
    parts.store.run(&image2model_domain::commands::CancelJob(&id)).await?;
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
