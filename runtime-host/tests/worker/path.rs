//! The usual path, and its usual ends.

use std::time::Duration;

use anyhow::Result;
use fal_sim::{Call, Kind, When};
use image2model_domain::commands::{CancelJob, CancelOutcome, DeleteJob, DeleteOutcome};
use image2model_domain::{FileStatus, JobStatus};

use crate::support::{Parts, until};

#[tokio::test]
async fn an_image_becomes_a_stored_model() -> Result<()> {
    let parts = Parts::start().await?;
    let worker = parts.work()?;
    let id = parts.upload(&["chair.front.png"]).await?;
    let job = parts.ended(&id).await?;
    assert_eq!((job.status, job.overall_progress), (JobStatus::Completed, 100));
    let file = &job.files[0];
    assert_eq!(file.model_name.as_deref(), Some("chair.front.glb"));
    let key = file.model_blob.clone().unwrap();
    assert_eq!(key, format!("results/{id}/{}_model.glb", file.id));
    let model = parts.blobs.get(&key).unwrap();
    assert!(model.starts_with(b"glTF"));
    assert_eq!(file.model_size, Some(model.len() as u64));
    assert_eq!(file.preview_content_type.as_deref(), Some("image/webp"));
    assert!(parts.blobs.get(file.preview_blob.as_deref().unwrap()).is_some());
    let requests = parts.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(file.fal_request_id.as_deref(), Some(requests[0].request_id.as_str()));
    // A credit is a cent.
    assert_eq!(file.cost_micro_usd, u64::from(requests[0].billed_units) * 10_000);
    let counts = parts.sim.counts();
    assert_eq!((counts.uploads_with_credentials, counts.downloads_with_credentials), (0, 0));
    parts.assert_at_rest().await?;
    worker.stop().await
}

#[tokio::test]
async fn progress_moves_all_the_way_and_logs_come_once() -> Result<()> {
    let parts = Parts::start().await?;
    let worker = parts.work()?;
    let id = parts.upload(&["chair.png"]).await?;
    parts.ended(&id).await?;
    let events = parts.events(&id).await?;
    let percent: Vec<u64> =
        events.iter().filter(|e| e["file_id"].is_string()).filter_map(|e| e["progress"].as_u64()).collect();
    assert!(percent.windows(2).all(|pair| pair[0] <= pair[1]), "{percent:?}");
    assert!(percent.iter().filter(|p| (15..90).contains(*p)).count() >= 2, "{percent:?}");
    assert_eq!(percent.last(), Some(&100));
    let states: Vec<&str> = events.iter().filter_map(|e| e["status"].as_str()).collect();
    for state in ["uploading", "queued_at_provider", "processing", "completed"] {
        assert!(states.contains(&state), "{state} is missing: {states:?}");
    }
    let mut logs: Vec<String> = events
        .iter()
        .filter(|e| e["type"] == "log")
        .map(|e| format!("{} {}", e["provider_timestamp"], e["message"]))
        .collect();
    assert!(!logs.is_empty());
    let all = logs.len();
    logs.sort();
    logs.dedup();
    assert_eq!(logs.len(), all);
    worker.stop().await
}

#[tokio::test]
async fn one_refused_image_of_three_leaves_the_others_alone() -> Result<()> {
    let parts = Parts::start().await?;
    let worker = parts.work()?;
    let id = parts.upload(&["a.png", "sim-content-policy.png", "c.png"]).await?;
    let job = parts.ended(&id).await?;
    assert_eq!(job.status, JobStatus::PartiallyCompleted);
    assert_eq!((job.completed, job.failed), (2, 1));
    let error = job.files[1].error.clone().unwrap();
    assert_eq!((error.code.as_str(), error.retryable), ("CONTENT_POLICY_VIOLATION", false));
    assert!(error.message.contains("content policy"), "{}", error.message);
    assert_eq!(parts.requests().len(), 3);
    parts.assert_at_rest().await?;
    worker.stop().await
}

#[tokio::test]
async fn a_cancelled_job_is_cancelled_at_the_provider_too() -> Result<()> {
    let parts = Parts::start().await?;
    let worker = parts.work()?;
    let id = parts.upload(&["sim-slow.png"]).await?;
    parts.file(&id, |file| file.status == FileStatus::Processing).await?;
    assert_eq!(parts.store.run(&CancelJob(&id)).await?, CancelOutcome::Accepted { cancelled: 0, running: 1 });
    let job = parts.ended(&id).await?;
    assert_eq!((job.status, job.files[0].status), (JobStatus::Cancelled, FileStatus::Cancelled));
    assert!(parts.requests()[0].cancel_requested);
    parts.assert_at_rest().await?;
    worker.stop().await
}

#[tokio::test]
async fn what_a_model_cost_that_was_done_in_spite_of_its_cancellation_is_counted() -> Result<()> {
    let parts = Parts::start().await?;
    let mut config = parts.worker_config("w1");
    config.orphan_pause = Duration::from_millis(100);
    let worker = parts.work_as(config)?;
    let id = parts.upload(&["sim-cancel-ignored.png"]).await?;
    parts.file(&id, |file| file.status == FileStatus::Processing).await?;
    parts.store.run(&CancelJob(&id)).await?;
    assert_eq!(parts.ended(&id).await?.status, JobStatus::Cancelled);
    let job = parts.file(&id, |file| file.cost_micro_usd > 0).await?;
    let billed = u64::from(parts.requests()[0].billed_units) * 10_000;
    assert_eq!((job.files[0].cost_micro_usd, parts.counted("cost_micro_usd").await?), (billed, billed));
    worker.stop().await
}

/// One page of a proxy between two outages says nothing about the request: it would run on, and be billed.
#[tokio::test]
async fn that_a_request_is_not_known_is_not_believed_after_one_word() -> Result<()> {
    let parts = Parts::start().await?;
    let mut config = parts.worker_config("w1");
    config.orphan_pause = Duration::from_millis(100);
    let worker = parts.work_as(config)?;
    let id = parts.upload(&["sim-slow.png"]).await?;
    parts.file(&id, |file| file.status == FileStatus::Processing).await?;
    // The worker that has it in hand tries thrice, whoever tends orphans goes on.
    for (kind, times) in [(Kind::BadGateway, 2), (Kind::NotFound, 1), (Kind::BadGateway, 4), (Kind::NotFound, 1)] {
        parts.disturb(Call::Cancel, kind, When::Before, times);
    }
    parts.store.run(&CancelJob(&id)).await?;
    assert_eq!(parts.ended(&id).await?.status, JobStatus::Cancelled);
    assert!(!parts.requests()[0].cancel_requested);
    until(|| parts.requests()[0].cancel_requested).await?;
    worker.stop().await
}

#[tokio::test]
async fn a_deleted_jobs_request_is_cancelled_at_the_provider() -> Result<()> {
    let parts = Parts::start().await?;
    let worker = parts.work()?;
    let id = parts.upload(&["sim-slow.png"]).await?;
    parts.file(&id, |file| file.status == FileStatus::Processing).await?;
    assert_eq!(parts.store.run(&DeleteJob { job: &id, force: true }).await?, DeleteOutcome::Deleted);
    until(|| parts.requests()[0].cancel_requested).await?;
    until(|| worker.worker.status().running == 0).await?;
    parts.assert_at_rest().await?;
    worker.stop().await
}

#[tokio::test]
async fn a_model_that_is_done_in_spite_of_its_cancellation_is_kept() -> Result<()> {
    let parts = Parts::start_with(|sim| sim.run_time = Duration::from_secs(120)..=Duration::from_secs(120)).await?;
    let mut config = parts.worker_config("w1");
    // Given up at the second poll, before it is done; looked after three times, of which the last is long after that.
    config.deadline = Duration::from_secs(1);
    config.poll_quick = Duration::from_secs(3);
    let worker = parts.work_as(config)?;
    let id = parts.upload(&["sim-cancel-ignored.png"]).await?;
    parts.completed(&id).await?;
    assert!(parts.requests()[0].cancel_requested);
    worker.stop().await
}

#[tokio::test]
async fn a_model_that_takes_too_long_is_given_up_and_cancelled() -> Result<()> {
    let parts = Parts::start().await?;
    let mut config = parts.worker_config("w1");
    config.deadline = Duration::from_secs(2);
    let worker = parts.work_as(config)?;
    let id = parts.upload(&["sim-stuck.png"]).await?;
    let job = parts.ended(&id).await?;
    let error = job.files[0].error.clone().unwrap();
    assert_eq!((job.status, error.code.as_str(), error.retryable), (JobStatus::Failed, "PROVIDER_TIMEOUT", true));
    assert_eq!(parts.requests().len(), 1);
    assert!(parts.requests()[0].cancel_requested);
    worker.stop().await
}

#[tokio::test]
async fn a_worker_shows_itself_and_its_models_and_leaves_without_a_trace() -> Result<()> {
    let parts = Parts::start().await?;
    let worker = parts.work()?;
    let keys = parts.store.keys().clone();
    let id = parts.upload(&["a.png"]).await?;
    parts.ended(&id).await?;
    let record: String = parts.store.query(redis::cmd("GET").arg(keys.worker("w1"))).await?;
    let record: serde_json::Value = serde_json::from_str(&record)?;
    assert_eq!((&record["id"], &record["fal"]["breaker"]), (&"w1".into(), &"closed".into()));
    let described: String = parts.store.query(redis::cmd("HGET").arg(keys.providers()).arg("tripo3d")).await?;
    let described: serde_json::Value = serde_json::from_str(&described)?;
    assert_eq!(described["endpoint"], "tripo3d/tripo/v2.5/image-to-3d");
    assert!(described["options_schema"].is_object());
    worker.stop().await?;
    let left: u64 = parts.store.query(redis::cmd("EXISTS").arg(keys.worker("w1"))).await?;
    assert_eq!(left, 0);
    Ok(())
}
