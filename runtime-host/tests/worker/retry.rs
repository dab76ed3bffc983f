//! Files that failed are put in line anew: as new requests where the old ones are settled, by following them where not.

use std::time::Duration;

use anyhow::Result;
use fal_sim::{Call, Kind, When};
use image2model_domain::commands::{CancelJob, Restart, RetryFiles, RetryOutcome};
use image2model_domain::{FileId, FileStatus, JobId, JobStatus};
use redis::cmd;

use crate::support::Parts;

async fn retry(parts: &Parts, job: &JobId, files: Option<&[FileId]>) -> Result<RetryOutcome> {
    Ok(parts.store.run(&RetryFiles { job, files, max_waiting: Some(100), request_id: "" }).await?)
}

async fn ttl(parts: &Parts, key: String) -> Result<i64> {
    Ok(parts.store.query(cmd("TTL").arg(key)).await?)
}

#[tokio::test]
async fn failed_files_are_made_after_all_and_the_others_are_left_alone() -> Result<()> {
    let parts = Parts::start().await?;
    let worker = parts.work()?;
    let id = parts.upload(&["a.png", "sim-content-policy.png"]).await?;
    let job = parts.ended(&id).await?;
    assert_eq!(job.status, JobStatus::PartiallyCompleted);
    let keys = parts.store.keys().clone();
    assert!(ttl(&parts, keys.job(&id)).await? > 0);
    worker.stop().await?;

    let failed = job.files[1].id.clone();
    assert_eq!(retry(&parts, &id, None).await?, RetryOutcome::Queued(vec![(failed.clone(), Restart::Requeued)]));
    let again = parts.job(&id).await?;
    assert_eq!((again.status, again.ended_at, again.failed, again.completed), (JobStatus::Processing, None, 0, 1));
    let file = &again.files[1];
    assert_eq!((file.status, file.progress, file.restarts), (FileStatus::Pending, 0, 1));
    assert!(file.error.is_none() && file.fal_request_id.is_none() && file.intent.is_none());
    for key in [keys.job(&id), keys.file(&id, &failed), keys.job_events(&id), keys.session(&id), keys.progress(&id)] {
        assert_eq!(ttl(&parts, key.clone()).await?, -1, "{key}");
    }
    let dead: u64 = parts.store.query(cmd("XLEN").arg(keys.queue_dead())).await?;
    assert_eq!(dead, 0);
    assert_eq!(retry(&parts, &id, None).await?, RetryOutcome::NothingFailed);

    let worker = parts.work()?;
    let ended = parts.ended(&id).await?;
    // The picture is as unacceptable as before; what counts is that it was asked once more, and nothing else was.
    assert_eq!((ended.status, ended.failed, ended.files[1].attempts), (JobStatus::PartiallyCompleted, 1, 2));
    assert_eq!(parts.requests().len(), 3);
    let events = parts.events(&id).await?;
    let ends = events.iter().filter(|event| event["type"] == "job").count();
    assert_eq!(ends, 2);
    assert!(
        events.iter().any(|event| event["restarts"] == 1 && event["status"] == "pending" && event["progress"] == 0)
    );
    parts.assert_at_rest().await?;
    worker.stop().await
}

#[tokio::test]
async fn every_retry_has_all_its_attempts() -> Result<()> {
    let parts = Parts::start().await?;
    let worker = parts.work()?;
    // Three attempts each time: the request failed, FAL says.
    let id = parts.upload(&["sim-runner-disconnected.png"]).await?;
    let job = parts.ended(&id).await?;
    assert_eq!((job.status, job.files[0].attempts), (JobStatus::Failed, 3));
    retry(&parts, &id, None).await?;
    let job = parts.ended(&id).await?;
    assert_eq!((job.status, job.files[0].attempts, job.files[0].restarts), (JobStatus::Failed, 6, 1));
    assert_eq!(parts.requests().len(), 6);
    parts.assert_at_rest().await?;
    worker.stop().await
}

/// Its host may have had a bad minute: the first retry asks for the same once more.
#[tokio::test]
async fn a_model_whose_file_was_not_there_is_fetched_again_and_not_paid_for_again() -> Result<()> {
    let parts = Parts::start().await?;
    let worker = parts.work()?;
    parts.disturb(Call::Download, Kind::NotFound, When::Before, 1000);
    let id = parts.upload(&["a.png"]).await?;
    assert_eq!(parts.ended(&id).await?.status, JobStatus::Failed);
    parts.sim.disarm();
    retry(&parts, &id, None).await?;
    assert_eq!(parts.ended(&id).await?.status, JobStatus::Completed);
    assert_eq!(parts.requests().len(), 1);
    parts.assert_at_rest().await?;
    worker.stop().await
}

#[tokio::test]
async fn a_request_that_may_still_run_is_followed_and_not_sent_again() -> Result<()> {
    let long = Duration::from_secs(40)..=Duration::from_secs(40);
    let parts = Parts::start_with(|sim| sim.run_time = long).await?;
    let mut config = parts.worker_config("w1");
    config.deadline = Duration::from_secs(1);
    let worker = parts.work_as(config)?;
    let id = parts.upload(&["sim-cancel-ignored.png"]).await?;
    let job = parts.ended(&id).await?;
    assert_eq!(job.files[0].error.as_ref().map(|e| e.code.as_str()), Some("PROVIDER_TIMEOUT"));
    worker.stop().await?;

    let request = job.files[0].fal_request_id.clone();
    assert!(request.is_some());
    let file = job.files[0].id.clone();
    let outcome = retry(&parts, &id, Some(std::slice::from_ref(&file))).await?;
    assert_eq!(outcome, RetryOutcome::Queued(vec![(file, Restart::Resumed)]));
    assert_eq!(parts.job(&id).await?.files[0].fal_request_id, request);
    let worker = parts.work()?;
    let job = parts.ended(&id).await?;
    assert_eq!((job.status, &job.files[0].fal_request_id), (JobStatus::Completed, &request));
    assert_eq!(parts.requests().len(), 1);
    worker.stop().await
}

#[tokio::test]
async fn a_request_that_was_given_up_and_cancelled_is_sent_anew() -> Result<()> {
    let parts = Parts::start().await?;
    let mut config = parts.worker_config("w1");
    config.deadline = Duration::from_secs(1);
    let worker = parts.work_as(config)?;
    let id = parts.upload(&["sim-slow.png"]).await?;
    assert_eq!(parts.ended(&id).await?.status, JobStatus::Failed);
    assert!(parts.requests()[0].cancel_requested);
    worker.stop().await?;

    retry(&parts, &id, None).await?;
    let worker = parts.work()?;
    crate::support::until(|| parts.requests().len() == 2).await?;
    parts.store.run(&CancelJob(&id)).await?;
    assert_eq!(parts.ended(&id).await?.status, JobStatus::Cancelled);
    worker.stop().await
}

#[tokio::test]
async fn what_cannot_be_retried_is_said() -> Result<()> {
    let parts = Parts::start().await?;
    let worker = parts.work()?;
    let id = parts.upload(&["sim-content-policy.png", "a.png"]).await?;
    let job = parts.ended(&id).await?;
    let unknown = FileId::from_random([9; 16]);
    let nobody = JobId::from_random([9; 16]);
    assert_eq!(retry(&parts, &nobody, None).await?, RetryOutcome::NotFound);
    let done = job.files[1].id.clone();
    let both = [job.files[0].id.clone(), done.clone()];
    assert_eq!(retry(&parts, &id, Some(&both)).await?, RetryOutcome::NotFailed(done));
    let one = [unknown.clone()];
    assert_eq!(retry(&parts, &id, Some(&one)).await?, RetryOutcome::UnknownFile(unknown));
    assert_eq!(retry(&parts, &id, Some(&[])).await?, RetryOutcome::NothingFailed, "no file is not every file");
    let full = RetryFiles { job: &id, files: None, max_waiting: Some(0), request_id: "" };
    assert_eq!(parts.store.run(&full).await?, RetryOutcome::QueueFull);
    assert_eq!(parts.job(&id).await?.status, JobStatus::PartiallyCompleted);

    let slow = parts.upload(&["sim-content-policy.png", "sim-slow.png"]).await?;
    parts.file(&slow, |file| file.status == FileStatus::Failed).await?;
    parts.store.run(&CancelJob(&slow)).await?;
    let refused = retry(&parts, &slow, None).await?;
    assert!(matches!(refused, RetryOutcome::JobEnding | RetryOutcome::JobCancelled), "{refused:?}");
    assert_eq!(parts.ended(&slow).await?.status, JobStatus::Cancelled);
    assert_eq!(retry(&parts, &slow, None).await?, RetryOutcome::JobCancelled);
    worker.stop().await
}
