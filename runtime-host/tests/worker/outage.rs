//! What is paid for survives the neighbours' bad hours: a long stop, a Redis that refuses writes, a lease lost meanwhile.

use anyhow::Result;
use fal_sim::{Call, Kind, When};
use image2model_domain::JobStatus;

use crate::support::{Parts, until};

/// As if another worker had claimed the job's first file: a newer fence.
async fn steal(parts: &Parts, id: &image2model_domain::JobId) -> Result<()> {
    let key = parts.store.keys().file(id, &parts.job(id).await?.files[0].id);
    Ok(parts.store.query::<()>(redis::cmd("HSET").arg(key).arg("fence").arg("9")).await?)
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
    let job = parts.ended(&id).await?;
    assert_eq!(job.status, JobStatus::Completed, "{job:#?}");
    assert_eq!(parts.requests().len(), 1);
    parts.assert_at_rest().await?;
    worker.stop().await
}
