//! The same job by its task id, or one file of it by the file's, in the original system's words. A task id that no job has is answered as Celery does.

use image2model_domain::commands::ReadJob;
use image2model_domain::{FileId, view};
use image2model_kit::{Context, Failure, Reply, clock, redis, reply};

/// Answers the task's status.
pub(crate) async fn status(context: Context) -> Result<Reply, Failure> {
    let found = match &context.job {
        Some(id) => redis::run(&ReadJob(id)).await?,
        None => None,
    };
    match found {
        Some(job) => {
            let file = FileId::parse(context.param("task_id")).ok().and_then(|id| job.file(&id));
            let task = file.map_or_else(|| view::task(&job), |file| view::file_task(&job, file));
            reply::json_with_etag(&context, &task)
        }
        None => reply::json(200, &view::unknown_task(&context.param("task_id").to_ascii_lowercase(), clock::now_ms())),
    }
}
