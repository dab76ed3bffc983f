//! Erasing: an owner's job goes with its images, its models and its record. What still runs is cancelled first, at the provider
//! too. The bytes are removed by the host that keeps them, within moments: this component reaches Redis only.

use image2model_domain::Problem;
use image2model_domain::commands::{EraseJob, EraseOutcome};
use image2model_kit::{Context, Failure, Reply, redis, reply};
use serde_json::json;

/// Erases the job.
pub(crate) async fn job(context: Context) -> Result<Reply, Failure> {
    let id = context.job()?;
    let (status, erased, cancelled, running, message) = match redis::run(&EraseJob(&id)).await? {
        EraseOutcome::NotFound => return Err(Problem::job_not_found().into()),
        EraseOutcome::Erased => (200, true, 0, 0, "The job is erased, with its images and models"),
        EraseOutcome::Ending { cancelled, running } => {
            (202, false, cancelled, running, "The job is being cancelled, and is erased as soon as it has ended")
        }
    };
    let body = json!({
        "job_id": id,
        "erased": erased,
        "cancelled_files": cancelled,
        "running_files": running,
        "message": message,
    });
    reply::json(status, &body)
}
