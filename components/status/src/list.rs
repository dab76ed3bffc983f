//! The caller's jobs, newest first, a page at a time.

use image2model_kit::{Context, Failure, Reply, job_list, redis, reply};

/// Answers a page of the caller's jobs.
pub(crate) async fn jobs(context: Context) -> Result<Reply, Failure> {
    let key = redis::keys().jobs_of(&context.caller);
    reply::json(200, &job_list::page(key, &context.query, false).await?)
}
