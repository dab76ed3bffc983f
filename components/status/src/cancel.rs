//! Cancelling a job or one file of it: what waits never starts, what runs is stopped by its worker. Asking twice changes nothing.

use image2model_domain::commands::{CancelFile, CancelJob, CancelOutcome};
use image2model_domain::{JobId, Problem};
use image2model_kit::{Context, Failure, Reply, redis, reply};
use serde_json::{Value, json};

/// Cancels the job.
pub(crate) async fn job(context: Context) -> Result<Reply, Failure> {
    let id = context.job()?;
    let outcome = redis::run(&CancelJob(&id)).await?;
    answer(&id, &told(&id, outcome, "job").ok_or_else(Problem::job_not_found)?)
}

/// Cancels one file; the others go on.
pub(crate) async fn file(context: Context) -> Result<Reply, Failure> {
    let (id, file) = (context.job()?, context.file()?);
    let outcome = redis::run(&CancelFile { job: &id, file: &file }).await?;
    let mut body = told(&id, outcome, "file").ok_or_else(Problem::file_not_found)?;
    if let Some(fields) = body.as_object_mut() {
        fields.insert("file_id".to_owned(), json!(file));
        fields.insert("task_id".to_owned(), json!(file.as_task_id()));
    }
    answer(&id, &body)
}

/// What came of it; `None` when there is no such thing.
fn told(job: &JobId, outcome: CancelOutcome, what: &str) -> Option<Value> {
    let (cancelled, running, message) = match outcome {
        CancelOutcome::NotFound => return None,
        CancelOutcome::AlreadyEnded => (0, 0, format!("The {what} had ended already")),
        CancelOutcome::Accepted { cancelled, running: 0 } => (cancelled, 0, format!("The {what} is cancelled")),
        CancelOutcome::Accepted { cancelled, running } => {
            (cancelled, running, format!("The {what} is being cancelled"))
        }
    };
    Some(json!({
        "job_id": job,
        "task_id": job.as_task_id(),
        "cancelled_files": cancelled,
        "running_files": running,
        "message": message,
        "links": { "self": status_of(job) },
    }))
}

fn status_of(job: &JobId) -> String {
    format!("/api/v1/status/{job}")
}

/// The answer to what is done, or will be in a moment.
fn answer(job: &JobId, body: &Value) -> Result<Reply, Failure> {
    let mut answer = reply::json(202, body)?;
    reply::insert(&mut answer, "location", &status_of(job));
    Ok(answer)
}
