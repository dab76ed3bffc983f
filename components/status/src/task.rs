//! The same job by its task id, or one file of it by the file's, in the original system's words; its id is
//! told as it was asked for. A task id that no job has is answered as Celery does.

use image2model_domain::record::JobRecord;
use image2model_domain::{FileId, digest, view};
use image2model_kit::{Context, Failure, Reply, clock, reply};

use crate::wait;

/// Answers the task's status.
pub(crate) async fn status(context: Context) -> Result<Reply, Failure> {
    let task_id = context.param("task_id").to_ascii_lowercase();
    if let Some(id) = &context.job {
        let file = FileId::parse(&task_id).ok();
        let task = |job: &JobRecord| match file.as_ref().and_then(|id| job.file(id)) {
            Some(file) => view::file_task(job, file, &task_id),
            None => view::task(job, &task_id),
        };
        return wait::answer(&context, id, task).await;
    }
    wait::wait_ms(&context)?;
    // Weak: the timestamp is that of the answer, and says nothing of the task.
    let tag = format!("W/\"unknown-{}\"", digest::sha256_hex(task_id.as_bytes()).get(..16).unwrap_or_default());
    reply::json_tagged(&context, &view::unknown_task(&task_id, clock::now_ms()), &tag)
}
