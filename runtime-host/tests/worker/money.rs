//! A generation is never paid twice, and one that is paid for is not lost.

use std::time::Duration;

use anyhow::Result;
use fal_sim::{Call, Kind, When};
use image2model_domain::{FileStatus, JobStatus};
use image2model_host::worker::UncertainSubmits;

use crate::support::{Parts, until};

#[tokio::test]
async fn a_submit_whose_answer_is_lost_is_found_again_not_repeated() -> Result<()> {
    for scenario in ["sim-accept-drop.png", "sim-accept-502.png"] {
        let parts = Parts::start().await?;
        let worker = parts.work()?;
        let id = parts.upload(&[scenario]).await?;
        let job = parts.ended(&id).await?;
        assert_eq!(job.status, JobStatus::Completed, "{scenario}: {job:#?}");
        let requests = parts.requests();
        assert_eq!(requests.len(), 1, "{scenario}");
        assert_eq!(job.files[0].fal_request_id.as_deref(), Some(requests[0].request_id.as_str()));
        worker.stop().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_worker_that_dies_after_the_submit_is_succeeded_by_one_that_follows() -> Result<()> {
    let parts = Parts::start_with(|sim| sim.run_time = Duration::from_secs(60)..=Duration::from_secs(60)).await?;
    let first = parts.work()?;
    let id = parts.upload(&["chair.png"]).await?;
    let known = parts.file(&id, |file| file.fal_request_id.is_some()).await?;
    first.kill().await;
    let second = parts.work_as(parts.worker_config("w2"))?;
    let job = parts.ended(&id).await?;
    assert_eq!(job.status, JobStatus::Completed);
    assert_eq!(job.files[0].fal_request_id, known.files[0].fal_request_id);
    assert_eq!(parts.requests().len(), 1);
    parts.assert_at_rest().await?;
    second.stop().await
}

#[tokio::test]
async fn a_worker_that_dies_before_the_answer_leaves_an_announcement_to_look_up() -> Result<()> {
    let parts = Parts::start().await?;
    // The submit is accepted, its answer comes two seconds late, and nobody is there to hear it.
    parts.disturb(Call::Submit, Kind::Delay, When::After, 1);
    let first = parts.work()?;
    let id = parts.upload(&["chair.png"]).await?;
    until(|| !parts.requests().is_empty()).await?;
    first.kill().await;
    let left = parts.job(&id).await?;
    assert!(left.files[0].intent.is_some() && left.files[0].fal_request_id.is_none());
    let second = parts.work_as(parts.worker_config("w2"))?;
    let job = parts.ended(&id).await?;
    assert_eq!(job.status, JobStatus::Completed);
    assert_eq!(parts.requests().len(), 1);
    second.stop().await
}

#[tokio::test]
async fn a_stopping_worker_hands_its_file_back_with_the_request() -> Result<()> {
    let parts = Parts::start_with(|sim| sim.run_time = Duration::from_secs(60)..=Duration::from_secs(60)).await?;
    let first = parts.work()?;
    let id = parts.upload(&["chair.png"]).await?;
    parts.file(&id, |file| file.status == FileStatus::Processing).await?;
    first.stop().await?;
    let held: u64 = parts.store.query(redis::cmd("ZCARD").arg(parts.store.keys().queue_running())).await?;
    assert_eq!(held, 0);
    let second = parts.work_as(parts.worker_config("w2"))?;
    let job = parts.ended(&id).await?;
    assert_eq!((job.status, job.files[0].attempts), (JobStatus::Completed, 0));
    assert_eq!(parts.requests().len(), 1);
    assert!(!parts.requests()[0].cancel_requested);
    second.stop().await
}

#[tokio::test]
async fn where_history_stays_blind_the_policy_decides() -> Result<()> {
    for (policy, expected, requests) in
        [(UncertainSubmits::Fail, JobStatus::Failed, 0), (UncertainSubmits::ResubmitOnce, JobStatus::Completed, 1)]
    {
        let parts = Parts::start().await?;
        // Never accepted, but the worker cannot know.
        parts.disturb(Call::Submit, Kind::Drop, When::Before, 1);
        let mut config = parts.worker_config("w1");
        config.uncertain_submits = policy;
        let worker = parts.work_as(config)?;
        let id = parts.upload(&["chair.png"]).await?;
        let job = parts.ended(&id).await?;
        assert_eq!(job.status, expected, "{policy:?}");
        assert_eq!(parts.requests().len(), requests, "{policy:?}");
        if policy == UncertainSubmits::Fail {
            assert_eq!(job.files[0].error.as_ref().unwrap().code, "SUBMIT_UNCERTAIN");
        }
        worker.stop().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_second_lost_submit_is_not_followed_by_a_third() -> Result<()> {
    let parts = Parts::start().await?;
    parts.disturb(Call::Submit, Kind::Drop, When::Before, 5);
    let mut config = parts.worker_config("w1");
    config.uncertain_submits = UncertainSubmits::ResubmitOnce;
    let worker = parts.work_as(config)?;
    let id = parts.upload(&["chair.png"]).await?;
    let job = parts.ended(&id).await?;
    assert_eq!(job.status, JobStatus::Failed);
    assert_eq!(parts.sim.counts().calls.get(&Call::Submit), Some(&2));
    worker.stop().await
}

#[tokio::test]
async fn who_lost_the_lease_stops_quietly_and_the_next_hold_follows_the_same_request() -> Result<()> {
    let parts = Parts::start_with(|sim| sim.run_time = Duration::from_secs(80)..=Duration::from_secs(80)).await?;
    let worker = parts.work()?;
    let id = parts.upload(&["chair.png"]).await?;
    let known = parts.file(&id, |file| file.status == FileStatus::Processing).await?;
    // As if another worker had claimed it: a newer fence.
    let key = parts.store.keys().file(&id, &known.files[0].id);
    parts.store.query::<()>(redis::cmd("HSET").arg(key).arg("fence").arg("9")).await?;
    until(|| worker.worker.status().running == 0).await?;
    assert!(!parts.requests()[0].cancel_requested);
    assert!(!parts.job(&id).await?.status.is_terminal());
    // Nobody has it really, so the lease runs out and the file is claimed again.
    let job = parts.ended(&id).await?;
    assert_eq!((job.status, job.files[0].attempts), (JobStatus::Completed, 0));
    assert_eq!(parts.requests().len(), 1);
    parts.assert_at_rest().await?;
    worker.stop().await
}
