//! Trouble at every neighbour: it delays files, it does not fail them.

use std::time::Duration;

use anyhow::{Context, Result};
use fal_sim::{Call, Kind, When};
use image2model_domain::commands::ReadQueues;
use image2model_domain::{FileStatus, JobStatus};
use image2model_host::worker::BreakerState;

use crate::support::Parts;

#[tokio::test]
async fn a_busy_provider_is_asked_again_after_as_long_as_it_says() -> Result<()> {
    let parts = Parts::start().await?;
    let started = tokio::time::Instant::now();
    assert_eq!(parts.completes("sim-429.png").await?, 1);
    // Two refusals, each with `Retry-After: 1`: it cannot have taken less.
    assert!(started.elapsed() >= Duration::from_secs(2));
    Ok(())
}

#[tokio::test]
async fn bad_gateways_while_following_say_nothing_about_the_request() -> Result<()> {
    let parts = Parts::start().await?;
    parts.disturb(Call::Status, Kind::BadGateway, When::Before, 3);
    parts.disturb(Call::Status, Kind::Reset, When::Before, 2);
    parts.disturb(Call::Status, Kind::TruncatedBody, When::After, 1);
    parts.disturb(Call::Status, Kind::NotFound, When::Before, 2);
    assert_eq!(parts.completes("chair.png").await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_failure_that_is_said_once_buys_no_second_request() -> Result<()> {
    let parts = Parts::start().await?;
    parts.disturb(Call::Result, Kind::ServerErrorWithId, When::Before, 2);
    parts.disturb(Call::Result, Kind::UnavailableWithId, When::Before, 1);
    assert_eq!(parts.completes("chair.png").await?, 1);
    Ok(())
}

/// FAL's status names no error, and the history has the model: whoever answers 503 for long is on the way.
#[tokio::test]
async fn a_failure_that_fal_itself_does_not_know_of_buys_no_second_request() -> Result<()> {
    let parts = Parts::start().await?;
    parts.disturb(Call::Result, Kind::UnavailableWithId, When::Before, 1000);
    assert_eq!(parts.completes("chair.png").await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_result_and_its_file_are_fetched_until_they_are_whole() -> Result<()> {
    let parts = Parts::start().await?;
    parts.disturb(Call::Result, Kind::ServerError, When::Before, 2);
    parts.disturb(Call::Result, Kind::TruncatedBody, When::After, 1);
    assert_eq!(parts.completes("sim-truncated-file.png").await?, 1);
    Ok(())
}

#[tokio::test]
async fn half_a_model_that_its_host_takes_for_whole_is_fetched_again() -> Result<()> {
    let parts = Parts::start().await?;
    parts.disturb(Call::Download, Kind::TruncatedBody, When::After, 1);
    let worker = parts.work()?;
    let id = parts.upload(&["chair.png"]).await?;
    let job = parts.ended(&id).await?;
    let model = parts.blobs.get(job.files[0].model_blob.as_deref().context("no model was stored")?);
    let model = model.context("the model is not there")?;
    let length = model.get(8..12).and_then(|bytes| bytes.try_into().ok()).map(u32::from_le_bytes);
    assert_eq!(length, u32::try_from(model.len()).ok(), "it is cut short");
    assert_eq!(parts.requests().len(), 1);
    worker.stop().await
}

#[tokio::test]
async fn a_file_host_that_does_not_have_the_model_yet_is_asked_again() -> Result<()> {
    let parts = Parts::start().await?;
    parts.disturb(Call::Download, Kind::NotFound, When::Before, 2);
    assert_eq!(parts.completes("chair.png").await?, 1);
    Ok(())
}

#[tokio::test]
async fn an_upload_that_fails_is_repeated() -> Result<()> {
    let parts = Parts::start().await?;
    parts.disturb(Call::Initiate, Kind::BadGateway, When::Before, 1);
    parts.disturb(Call::Upload, Kind::Reset, When::Before, 1);
    assert_eq!(parts.completes("chair.png").await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_model_that_vanished_fails_the_file_and_is_not_bought_again() -> Result<()> {
    let parts = Parts::start().await?;
    let worker = parts.work()?;
    let id = parts.upload(&["sim-expired-file.png"]).await?;
    let job = parts.ended(&id).await?;
    assert_eq!(job.files[0].error.as_ref().unwrap().code, "RESULT_UNAVAILABLE");
    assert_eq!(parts.requests().len(), 1);
    worker.stop().await
}

#[tokio::test]
async fn a_failure_of_the_provider_gets_new_attempts_and_then_ends() -> Result<()> {
    let parts = Parts::start().await?;
    let worker = parts.work()?;
    let id = parts.upload(&["sim-runner-disconnected.png"]).await?;
    let job = parts.ended(&id).await?;
    let file = &job.files[0];
    assert_eq!((job.status, file.attempts), (JobStatus::Failed, 3));
    let error = file.error.as_ref().unwrap();
    assert_eq!((error.code.as_str(), error.retryable), ("PROVIDER_UNAVAILABLE", true));
    assert_eq!(parts.requests().len(), 3);
    worker.stop().await
}

#[tokio::test]
async fn a_refused_account_keeps_the_files_and_stops_the_asking() -> Result<()> {
    let parts = Parts::start().await?;
    parts.disturb(Call::Initiate, Kind::Balance, When::Before, 2);
    let worker = parts.work()?;
    let id = parts.upload(&["a.png", "b.png"]).await?;
    let waiting = parts.file(&id, |file| file.message.starts_with("Waiting until")).await?;
    assert_eq!(waiting.files[0].status, FileStatus::Pending);
    assert_ne!(worker.worker.status().breaker, BreakerState::Closed);
    let job = parts.completed(&id).await?;
    assert!(job.files.iter().all(|file| file.attempts == 0));
    assert_eq!(worker.worker.status().breaker, BreakerState::Closed);
    assert_eq!(parts.requests().len(), 2);
    worker.stop().await
}

#[tokio::test]
async fn redis_may_go_and_come_back_while_a_model_is_made() -> Result<()> {
    let mut parts = Parts::start_with(|sim| sim.run_time = Duration::from_secs(60)..=Duration::from_secs(60)).await?;
    let worker = parts.work()?;
    let id = parts.upload(&["chair.png"]).await?;
    parts.file(&id, |file| file.status == FileStatus::Processing).await?;
    parts.redis.process().kill();
    // Longer than the lease, and longer than the model takes.
    tokio::time::sleep(Duration::from_secs(4)).await;
    parts.redis.start_again()?;
    let job = parts.ended(&id).await?;
    assert_eq!(job.status, JobStatus::Completed);
    assert_eq!(parts.requests().len(), 1);
    parts.assert_at_rest().await?;
    worker.stop().await
}

#[tokio::test]
async fn an_image_that_cannot_be_read_to_its_end_is_not_fals_trouble() -> Result<()> {
    let parts = Parts::start().await?;
    let id = parts.upload(&["chair.png"]).await?;
    parts.blobs.breaks_off.store(true, std::sync::atomic::Ordering::Relaxed);
    let worker = parts.work()?;
    let job = parts.ended(&id).await?;
    assert_eq!(job.files[0].error.as_ref().map(|error| &*error.code), Some("IMAGE_UNAVAILABLE"), "{job:#?}");
    assert!(parts.store.run(&ReadQueues).await?.breaker.is_none());
    worker.stop().await
}
