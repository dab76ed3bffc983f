//! Jobs as endpoints look them up: one by its id, or by a file that is in it.

use image2model_domain::commands::ReadJob;
use image2model_domain::record::JobRecord;
use image2model_domain::{FileId, JobId, Problem};

use crate::Failure;
use crate::redis;

/// A job as it stands.
///
/// # Errors
/// 404 when there is none, or none any more.
pub async fn read(id: &JobId) -> Result<JobRecord, Failure> {
    redis::run(&ReadJob(id)).await?.ok_or_else(|| Problem::job_not_found().into())
}

/// The job that a file is in; `None` when no job has that file.
///
/// # Errors
/// [`Failure`] when Redis does not answer.
pub async fn of_file(file: &FileId) -> Result<Option<JobId>, Failure> {
    let job = redis::text("GET", &[&redis::keys().await?.job_of_file(file)]).await?;
    Ok(job.and_then(|job| JobId::parse(&job).ok()))
}
