//! Cancelling: what waits never starts, what runs is stopped by its worker. Asking twice changes nothing.

use image2model_domain::Problem;
use image2model_domain::commands::{CancelJob, CancelOutcome};
use image2model_kit::{Context, Failure, Reply, redis, reply};
use serde_json::json;

/// Cancels the job.
pub(crate) async fn job(context: Context) -> Result<Reply, Failure> {
    let id = context.job()?;
    let (cancelled, running, message) = match redis::run(&CancelJob(&id)).await? {
        CancelOutcome::NotFound => return Err(Problem::job_not_found().into()),
        CancelOutcome::AlreadyEnded => (0, 0, "The job had ended already"),
        CancelOutcome::Accepted { cancelled, running: 0 } => (cancelled, 0, "The job is cancelled"),
        CancelOutcome::Accepted { cancelled, running } => (cancelled, running, "The job is being cancelled"),
    };
    let status_path = format!("/api/v1/status/{id}");
    let body = json!({
        "job_id": id,
        "task_id": id.as_task_id(),
        "cancelled_files": cancelled,
        "running_files": running,
        "message": message,
        "links": { "self": status_path },
    });
    let mut answer = reply::json(202, &body)?;
    reply::insert(&mut answer, "location", &status_path);
    Ok(answer)
}
