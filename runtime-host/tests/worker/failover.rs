//! Another Redis takes over and lacks the last moments: nothing is sent before FAL's history was asked.

use anyhow::Result;
use fal_sim::{Call, Kind, When};
use image2model_domain::{JobId, JobStatus};
use image2model_host::worker::UncertainSubmits;
use redis::cmd;

use crate::support::Parts;

/// What Redis takes for itself is another one's from now on.
async fn fail_over(parts: &Parts) -> Result<()> {
    Ok(parts.store.query::<()>(cmd("SET").arg("queue:identity").arg("the-one-before")).await?)
}

/// The announcement and the id of the first file's request are lost.
async fn forget(parts: &Parts, id: &JobId) -> Result<()> {
    let key = parts.store.keys().file(id, &parts.job(id).await?.files[0].id);
    let mut lose = cmd("HDEL");
    lose.arg(key).arg("intent").arg("intended_at").arg("fal_request_id").arg("bound_by").arg("bound_at");
    Ok(parts.store.query::<()>(&lose).await?)
}

#[tokio::test]
async fn a_request_that_redis_forgot_is_found_by_the_name_of_its_image() -> Result<()> {
    let parts = Parts::start().await?;
    let first = parts.work()?;
    let id = parts.upload(&["chair.png"]).await?;
    let known = parts.file(&id, |file| file.fal_request_id.is_some()).await?;
    first.kill().await;
    forget(&parts, &id).await?;
    fail_over(&parts).await?;
    let second = parts.work_as(parts.worker_config("w2"))?;
    let job = parts.ended(&id).await?;
    assert_eq!(job.status, JobStatus::Completed, "{job:#?}");
    assert_eq!(job.files[0].fal_request_id, known.files[0].fal_request_id);
    assert_eq!(parts.requests().len(), 1);
    parts.assert_at_rest().await?;
    second.stop().await
}

#[tokio::test]
async fn what_was_never_sent_is_sent_once_the_history_has_been_asked() -> Result<()> {
    let parts = Parts::start().await?;
    let before = parts.upload(&["chair.png"]).await?;
    fail_over(&parts).await?;
    parts.disturb(Call::History, Kind::BadGateway, When::Before, 3);
    let worker = parts.work()?;
    assert_eq!(parts.ended(&before).await?.status, JobStatus::Completed);
    let key = parts.store.keys().file(&before, &parts.job(&before).await?.files[0].id);
    assert!(parts.store.query::<bool>(cmd("HEXISTS").arg(key).arg("looked_up")).await?);
    assert_eq!(parts.requests().len(), 1);
    worker.stop().await
}

#[tokio::test]
async fn where_the_history_is_blind_after_a_failover_the_policy_decides() -> Result<()> {
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
        }
        worker.stop().await?;
    }
    Ok(())
}
