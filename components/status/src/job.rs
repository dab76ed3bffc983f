//! A job's status, at once or as soon as there is news.
//!
//! `?wait=30` waits for at most that many seconds: until the answer is another than the one the client has
//! (`If-None-Match`), or, when it names none, until the job changes. A job that has ended has no more news.

use std::time::Duration;

use image2model_domain::commands::ReadJob;
use image2model_domain::record::JobRecord;
use image2model_domain::{JobId, Problem, view};
use image2model_kit::{Context, Failure, Reply, clock, redis, reply};

/// Longest wait, seconds.
const LONGEST_WAIT: u64 = 30;

/// Between two looks while waiting.
const INTERVAL: Duration = Duration::from_millis(500);

/// Answers the job's status.
pub(crate) async fn status(context: Context) -> Result<Reply, Failure> {
    let id = context.job()?;
    let mut job = read(&id).await?;
    let mut answer = reply::json_with_etag(&context, &view::status(&job))?;
    let (first, deadline) = (job.last_event_id.clone(), clock::now_ms() + wait_ms(&context)?);
    let has_a_version = context.header("if-none-match").is_some();
    let has_news = |job: &JobRecord, answer: &Reply| {
        if has_a_version { answer.status() != 304 } else { job.last_event_id != first }
    };
    while !job.status.is_terminal() && !has_news(&job, &answer) && clock::now_ms() < deadline {
        clock::sleep(INTERVAL).await;
        job = read(&id).await?;
        answer = reply::json_with_etag(&context, &view::status(&job))?;
    }
    Ok(answer)
}

/// One look; 404 when the job has expired in between.
pub(crate) async fn read(id: &JobId) -> Result<JobRecord, Failure> {
    redis::run(&ReadJob(id)).await?.ok_or_else(|| Problem::job_not_found().into())
}

fn wait_ms(context: &Context) -> Result<i64, Problem> {
    let Some(text) = context.query.get("wait") else { return Ok(0) };
    let seconds: u64 = text
        .parse()
        .map_err(|_| Problem::new(422, "VALIDATION_ERROR", "wait must be a whole number of seconds, 30 at most"))?;
    Ok(i64::try_from(seconds.min(LONGEST_WAIT) * 1000).unwrap_or_default())
}
