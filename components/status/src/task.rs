//! The same job by its task id, in the original system's words. A task id that no job has is answered as Celery does.

use image2model_domain::commands::ReadJob;
use image2model_domain::view;
use image2model_kit::{Context, Failure, Reply, clock, redis, reply};

/// Answers the task's status.
pub(crate) async fn status(context: Context) -> Result<Reply, Failure> {
    let found = match &context.job {
        Some(id) => redis::run(&ReadJob(id)).await?,
        None => None,
    };
    match found {
        Some(job) => reply::json_with_etag(&context, &view::task(&job)),
        None => reply::json(200, &view::unknown_task(&context.param("task_id").to_ascii_lowercase(), clock::now_ms())),
    }
}
