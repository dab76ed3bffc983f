//! `POST /admin/tasks/{id}/cancel`: a job by its id or task id, or one file of it by `{job}/{file}` or its own task id.

use image2model_domain::commands::{CancelFile, CancelJob, CancelOutcome};
use image2model_domain::{FileId, JobId, Problem};
use image2model_kit::{Context, Failure, Reply, jobs, redis, reply};
use serde_json::json;

use crate::audit;

/// What is to be cancelled.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Target {
    Job(JobId),
    File(JobId, FileId),
}

fn not_found() -> Problem {
    Problem::new(404, "TASK_NOT_FOUND", "There is no such task: expected a job's id, a task id, or job/file.")
}

/// Cancels it. Asking twice changes nothing.
pub(crate) async fn task(context: Context) -> Result<Reply, Failure> {
    let target = target(context.param("id"), context.param("file")).await?;
    let (job, file) = match &target {
        Target::Job(job) => (job, None),
        Target::File(job, file) => (job, Some(file)),
    };
    audit::asked(&context, &json!({ "job_id": job, "file_id": file }));
    let outcome = match file {
        None => redis::run(&CancelJob(job)).await?,
        Some(file) => redis::run(&CancelFile { job, file }).await?,
    };
    let (cancelled, running, message) = match outcome {
        CancelOutcome::NotFound => return Err(not_found().into()),
        CancelOutcome::AlreadyEnded => (0, 0, "It had ended already"),
        CancelOutcome::Accepted { cancelled, running: 0 } => (cancelled, 0, "It is cancelled"),
        CancelOutcome::Accepted { cancelled, running } => (cancelled, running, "It is being cancelled"),
    };
    let body = json!({
        "job_id": job,
        "file_id": file,
        "task_id": file.map_or_else(|| job.as_task_id(), FileId::as_task_id),
        "cancelled_files": cancelled,
        "running_files": running,
        "message": message,
    });
    audit::done(&context, &body);
    reply::json(202, &body)
}

async fn target(id: &str, file: &str) -> Result<Target, Failure> {
    let (id, file) = id.split_once('/').unwrap_or((id, file));
    let job = JobId::parse(id).map_err(|_| not_found())?;
    if !file.is_empty() {
        return Ok(Target::File(job, FileId::parse(file).map_err(|_| not_found())?));
    }
    if redis::number("EXISTS", &[&redis::keys().await?.job(&job)]).await? == 1 {
        return Ok(Target::Job(job));
    }
    // A file's task id is its own id written as a UUID.
    let file = FileId::parse(id).map_err(|_| not_found())?;
    let job = jobs::of_file(&file).await?.ok_or_else(not_found)?;
    Ok(Target::File(job, file))
}
