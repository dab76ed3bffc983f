//! Another Redis takes over, or an older copy is restored: nothing is sent before FAL's history was asked.

use std::time::Duration;

use anyhow::Result;
use fal_sim::{Call, Kind, When};
use image2model_domain::commands::RetryFiles;
use image2model_domain::{JobId, JobStatus};
use image2model_host::worker::{UncertainSubmits, WorkerConfig};
use redis::cmd;

use crate::support::Parts;

/// What Redis takes for itself is another one's from now on.
async fn fail_over(parts: &Parts) -> Result<()> {
    Ok(parts.store.query::<()>(cmd("SET").arg("queue:identity").arg("the-one-before")).await?)
}

/// Workers have learned that the history lists what runs.
async fn history_lists_all(parts: &Parts) -> Result<()> {
    Ok(parts.store.query::<()>(cmd("SET").arg(parts.store.keys().fal_history()).arg("all 50")).await?)
}

/// The announcement and the id of the first file's request are lost.
async fn forget(parts: &Parts, id: &JobId) -> Result<()> {
    let key = parts.store.keys().file(id, &parts.job(id).await?.files[0].id);
    let mut lose = cmd("HDEL");
    lose.arg(key).arg("intent").arg("intended_at").arg("fal_request_id").arg("bound_by").arg("bound_at");
    Ok(parts.store.query::<()>(&lose).await?)
}

/// A job of one file whose request Redis has forgotten; its worker is gone. Answers the request's id, too.
async fn forgotten(parts: &Parts) -> Result<(JobId, Option<String>)> {
    let first = parts.work()?;
    let id = parts.upload(&["chair.png"]).await?;
    let known = parts.file(&id, |file| file.fal_request_id.is_some()).await?;
    first.kill().await;
    forget(parts, &id).await?;
    Ok((id, known.files[0].fal_request_id.clone()))
}

/// The job is done with that request, by a worker of these settings, and there is no other.
async fn follows(parts: &Parts, config: WorkerConfig, id: &JobId, request: &Option<String>) -> Result<()> {
    let second = parts.work_as(config)?;
    let job = parts.ended(id).await?;
    assert_eq!((job.status, &job.files[0].fal_request_id), (JobStatus::Completed, request), "{job:#?}");
    assert_eq!(parts.requests().len(), 1);
    parts.assert_at_rest().await?;
    second.stop().await
}

#[tokio::test]
async fn a_request_that_redis_forgot_is_found_by_the_name_of_its_image() -> Result<()> {
    // The private Redis of `up` forgets nothing by itself, but may have been restored.
    for redis_forgets in [true, false] {
        let parts = Parts::start().await?;
        let (id, request) = forgotten(&parts).await?;
        fail_over(&parts).await?;
        follows(&parts, WorkerConfig { redis_forgets, ..parts.worker_config("w2") }, &id, &request).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_request_is_found_however_long_before_it_was_sent() -> Result<()> {
    let parts = Parts::start().await?;
    // What was restored is of a time before the owner asked for another attempt, too.
    let worker = parts.work()?;
    let id = parts.upload(&["sim-content-policy.png"]).await?;
    parts.ended(&id).await?;
    worker.stop().await?;
    let key = parts.store.keys().file(&id, &parts.job(&id).await?.files[0].id);
    let rename = |name: &str| cmd("HSET").arg(&key).arg("filename").arg(name).to_owned();
    parts.store.query::<()>(&rename("chair.png")).await?;
    parts.store.run(&RetryFiles { job: &id, files: None, max_waiting: None, request_id: "" }).await?;
    let first = parts.work()?;
    let known = parts.file(&id, |file| file.fal_request_id.is_some()).await?;
    first.kill().await;
    forget(&parts, &id).await?;
    parts.store.query::<()>(cmd("HSET").arg(&key).arg("restarts").arg(0)).await?;
    let later = parts.job(&id).await?.created_at + 2 * 60 * 60 * 1000;
    parts.store.query::<()>(cmd("SET").arg("queue:doubt_since").arg(later)).await?;
    let second = parts.work_as(parts.worker_config("w2"))?;
    let job = parts.ended(&id).await?;
    assert_eq!(job.files[0].fal_request_id, known.files[0].fal_request_id, "{job:#?}");
    assert_eq!((job.status, parts.requests().len()), (JobStatus::Completed, 2));
    second.stop().await
}

#[tokio::test]
async fn what_was_never_sent_is_sent_once_the_history_has_been_asked() -> Result<()> {
    let parts = Parts::start().await?;
    let before = parts.upload(&["chair.png"]).await?;
    history_lists_all(&parts).await?;
    fail_over(&parts).await?;
    parts.disturb(Call::History, Kind::BadGateway, When::Before, 3);
    let worker = parts.work_with(parts.worker_config("w1"), |fal| fal.submit_timeout = Duration::from_secs(1))?;
    parts.completed(&before).await?;
    let key = parts.store.keys().file(&before, &parts.job(&before).await?.files[0].id);
    assert!(parts.store.query::<bool>(cmd("HEXISTS").arg(key).arg("looked_up")).await?);
    assert_eq!((parts.requests().len(), parts.counted("possible_duplicates").await?), (1, 0));
    worker.stop().await
}

#[tokio::test]
async fn the_private_redis_is_believed_where_the_history_has_none_or_says_nothing() -> Result<()> {
    for blind in [false, true] {
        let parts = Parts::start().await?;
        if blind {
            parts.disturb(Call::History, Kind::Unauthorized, When::Before, 1000);
        }
        let id = parts.upload(&["chair.png"]).await?;
        fail_over(&parts).await?;
        let worker = parts.work_as(WorkerConfig { redis_forgets: false, ..parts.worker_config("w1") })?;
        assert_eq!(parts.ended(&id).await?.status, JobStatus::Completed, "{blind}");
        assert_eq!((parts.requests().len(), parts.counted("possible_duplicates").await?), (1, 0), "{blind}");
        worker.stop().await?;
    }
    Ok(())
}

#[tokio::test]
async fn where_running_requests_are_not_listed_a_forgotten_one_is_waited_for() -> Result<()> {
    let parts = Parts::start_with(|sim| {
        sim.run_time = Duration::from_secs(80)..=Duration::from_secs(80);
        sim.history_lists_unfinished = false;
    })
    .await?;
    let (id, request) = forgotten(&parts).await?;
    fail_over(&parts).await?;
    let reconcile_for = Duration::from_millis(300);
    follows(&parts, WorkerConfig { reconcile_for, ..parts.worker_config("w2") }, &id, &request).await
}

#[tokio::test]
async fn where_running_requests_are_not_listed_one_is_sent_once_a_forgotten_one_has_ended() -> Result<()> {
    for (policy, counted) in [(UncertainSubmits::Fail, 0), (UncertainSubmits::ResubmitOnce, 1)] {
        let parts = Parts::start().await?;
        let id = parts.upload(&["chair.png"]).await?;
        fail_over(&parts).await?;
        let mut config = parts.worker_config("w1");
        (config.uncertain_submits, config.reconcile_for) = (policy, Duration::from_millis(300));
        if policy == UncertainSubmits::Fail {
            config.deadline = Duration::from_secs(4);
        }
        let worker = parts.work_as(config)?;
        let job = parts.ended(&id).await?;
        assert_eq!((job.status, job.files[0].attempts), (JobStatus::Completed, 0), "{policy:?}: {job:#?}");
        assert_eq!((parts.requests().len(), parts.counted("possible_duplicates").await?), (1, counted), "{policy:?}");
        worker.stop().await?;
    }
    Ok(())
}

#[tokio::test]
async fn where_the_history_is_blind_after_a_failover_the_policy_decides_and_then_the_owner() -> Result<()> {
    for (policy, expected) in
        [(UncertainSubmits::Fail, JobStatus::Failed), (UncertainSubmits::ResubmitOnce, JobStatus::Completed)]
    {
        let parts = Parts::start().await?;
        parts.disturb(Call::History, Kind::Unauthorized, When::Before, 1000);
        let id = parts.upload(&["chair.png"]).await?;
        fail_over(&parts).await?;
        let mut config = parts.worker_config("w1");
        config.uncertain_submits = policy;
        let worker = parts.work_as(config)?;
        let job = parts.ended(&id).await?;
        assert_eq!(job.status, expected, "{policy:?}: {job:#?}");
        if policy == UncertainSubmits::Fail {
            assert_eq!(job.files[0].error.as_ref().unwrap().code, "SUBMIT_UNCERTAIN");
            assert!(parts.requests().is_empty());
            parts.store.run(&RetryFiles { job: &id, files: None, max_waiting: None, request_id: "" }).await?;
            parts.completed(&id).await?;
        }
        assert_eq!((parts.requests().len(), parts.counted("possible_duplicates").await?), (1, 1), "{policy:?}");
        worker.stop().await?;
    }
    Ok(())
}
