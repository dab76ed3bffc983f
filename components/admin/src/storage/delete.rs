//! Removing one job: its record first, in one step that decides whether it may go, then its images and models. What is left
//! of them when that breaks down is noted with the record's removal, and goes by itself.

use image2model_domain::commands::{DeleteJob, DeleteOutcome, ReadJob};
use image2model_domain::time::rfc3339;
use image2model_domain::{JobId, Problem};
use image2model_kit::blobs::Freed;
use image2model_kit::{Context, Failure, Reply, blobs, clock, redis, reply};
use serde::Deserialize;
use serde_json::json;

use super::megabytes;
use crate::audit;

/// A body names one job; no more is read.
const LONGEST_BODY: usize = 4096;

#[derive(Deserialize)]
struct Named {
    job_id: String,
}

/// `POST /admin/cleanup-job`: a job that has ended.
pub(crate) async fn ended(mut context: Context) -> Result<Reply, Failure> {
    let named: Named = context.json(LONGEST_BODY).await?;
    audit::asked(&context, &json!({ "job_id": named.job_id }));
    let id = JobId::parse(&named.job_id).map_err(|_| Problem::job_not_found())?;
    let job = redis::run(&ReadJob(&id)).await?.ok_or_else(Problem::job_not_found)?;
    if !job.status.is_terminal() {
        return Err(running().into());
    }
    answer(&context, &id, false).await
}

/// `DELETE /admin/delete-job/{job_id}`: any job, whatever it is doing.
pub(crate) async fn any(context: Context) -> Result<Reply, Failure> {
    let id = context.job()?;
    audit::asked(&context, &json!({ "job_id": id }));
    if redis::run(&ReadJob(&id)).await?.is_none() {
        return Err(Problem::job_not_found().into());
    }
    answer(&context, &id, true).await
}

fn running() -> Problem {
    let detail = "The job has not ended. Cancel it first, or use DELETE /api/v1/admin/delete-job/{job_id}.";
    Problem::new(409, "JOB_RUNNING", detail)
}

async fn answer(context: &Context, id: &JobId, force: bool) -> Result<Reply, Failure> {
    let freed = match remove(id, force).await? {
        Removal::Done(freed) => freed,
        Removal::Running => return Err(running().into()),
        Removal::NotFound(_) => return Err(Problem::job_not_found().into()),
    };
    let body = json!({
        "job_id": id,
        "deleted": true,
        "deleted_files": freed.deleted,
        "freed_bytes": freed.freed_bytes,
        "files_removed": freed.deleted,
        "freed_space_mb": megabytes(freed.freed_bytes),
        "errors": [],
        "timestamp": rfc3339(clock::now_ms()),
        "message": "The job and everything that belongs to it are deleted",
    });
    audit::done(context, &body);
    reply::json(200, &body)
}

/// What removing a job would free.
pub(super) async fn held(id: &JobId) -> Result<Freed, Failure> {
    let uploads = blobs::held(&format!("uploads/{id}/")).await?;
    let results = blobs::held(&format!("results/{id}/")).await?;
    Ok(Freed { deleted: uploads.files + results.files, freed_bytes: uploads.bytes + results.bytes })
}

/// What came of removing a job.
pub(super) enum Removal {
    /// It is gone.
    Done(Freed),
    /// It has been put to work again, and keeps everything.
    Running,
    /// It had no record; its bytes, if there were any, are gone.
    NotFound(Freed),
}

/// Removes a job and its bytes; one that has not ended only when forced.
pub(super) async fn remove(id: &JobId, force: bool) -> Result<Removal, Failure> {
    // Its record goes first: from then on nothing is put in line anew, and no worker stores another result.
    let done = match redis::run(&DeleteJob { job: id, force }).await? {
        DeleteOutcome::Deleted => Removal::Done,
        DeleteOutcome::NotFound => Removal::NotFound,
        DeleteOutcome::Running => return Ok(Removal::Running),
    };
    let uploads = blobs::delete(&format!("uploads/{id}/")).await?;
    let results = blobs::delete(&format!("results/{id}/")).await?;
    Ok(done(Freed {
        deleted: uploads.deleted + results.deleted,
        freed_bytes: uploads.freed_bytes + results.freed_bytes,
    }))
}
