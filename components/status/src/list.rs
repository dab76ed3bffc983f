//! The caller's jobs, newest first, a page at a time.

use image2model_kit::{Context, Failure, Reply, job_list, reply};

/// Answers a page of the caller's jobs.
pub(crate) async fn jobs(context: Context) -> Result<Reply, Failure> {
    reply::json(200, &job_list::page(Some(&context.caller), &context.query, false).await?)
}
