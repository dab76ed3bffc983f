//! A status, at once or as soon as there is news (`?wait=30`).
//!
//! Waits for at most that many seconds: until the answer is another than the one the client has (`If-None-Match`), or,
//! when it names none, than the present one. A job that has ended has no more news. While it waits nothing is held but the
//! request's own place: every half second the job's newest event is asked for on the instance's one connection, and the
//! job is read again when there is one, or after some seconds, as its place in line moves without an event.

use std::time::Duration;

use image2model_domain::record::JobRecord;
use image2model_domain::{JobId, Problem};
use image2model_kit::{Context, Failure, Reply, clock, jobs, redis, reply};
use serde_json::Value;

/// Longest wait, seconds. The manifest gives a request somewhat longer.
const LONGEST_WAIT: u64 = 30;
/// The longest that a client may name: a day, as for streams.
const LONGEST_NAMED: u64 = 86_400;
/// Between two looks while waiting.
const INTERVAL: Duration = Duration::from_millis(500);
/// Looks after which the job is read even without a new event.
const LOOKS: u32 = 10;

/// Answers with what `view` makes of the job.
pub(crate) async fn answer<V>(context: &Context, id: &JobId, view: V) -> Result<Reply, Failure>
where
    V: Fn(&JobRecord) -> Value,
{
    let deadline = clock::now_ms() + wait_ms(context)?;
    let mut job = jobs::read(id).await?;
    let mut answer = reply::json_with_etag(context, &view(&job))?;
    let has_a_version = context.header("if-none-match").is_some();
    let first = reply::etag_of(&answer);
    let is_news = |answer: &Reply| if has_a_version { answer.status() != 304 } else { reply::etag_of(answer) != first };
    while !job.status.is_terminal() && !is_news(&answer) && clock::now_ms() < deadline {
        until_event(&job, deadline).await?;
        job = jobs::read(id).await?;
        answer = reply::json_with_etag(context, &view(&job))?;
    }
    Ok(answer)
}

/// Waits until the job has another newest event, but only for a while.
async fn until_event(job: &JobRecord, deadline: i64) -> Result<(), Failure> {
    let events = redis::keys().await?.job_events(&job.id);
    for _ in 0..LOOKS {
        let left = Duration::from_millis(u64::try_from(deadline - clock::now_ms()).unwrap_or_default());
        clock::sleep(INTERVAL.min(left)).await;
        let newest = redis::text("XREVRANGE", &[&events, "+", "-", "COUNT", "1"]).await?;
        if newest.as_ref() != Some(&job.last_event_id) || left <= INTERVAL {
            break;
        }
    }
    Ok(())
}

/// How long the client would wait, ms.
///
/// # Errors
/// 422 when it is no number of seconds, or too many.
pub(crate) fn wait_ms(context: &Context) -> Result<i64, Problem> {
    let Some(text) = context.query.get("wait") else { return Ok(0) };
    let invalid = || {
        let rule = "wait must be a whole number of seconds from 0 to 86400; more than 30 count as 30";
        Problem::invalid("wait", rule)
    };
    let seconds = text.parse().ok().filter(|seconds: &u64| *seconds <= LONGEST_NAMED).ok_or_else(invalid)?;
    Ok(i64::try_from(seconds.min(LONGEST_WAIT) * 1000).unwrap_or_default())
}
