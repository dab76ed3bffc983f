//! The caller's jobs, newest first, a page at a time.
//!
//! A cursor is `<made at, ms>.<job id>` of the last job looked at, so that jobs made meanwhile neither repeat nor hide
//! others. A page looks at a bounded number of jobs: with `?status=` it may be short, or empty, and still have a next one.

use futures::future::try_join_all;
use image2model_domain::time::rfc3339;
use image2model_domain::{JobId, JobStatus, Problem};
use image2model_kit::query::Query;
use image2model_kit::{Context, Failure, Reply, redis, reply};
use serde_json::{Value, json};

/// Jobs on a page unless the client asks for fewer or more.
const PAGE: usize = 20;
/// Most jobs on a page.
const LARGEST_PAGE: usize = 100;
/// Jobs made in the same millisecond as the cursor's that are skipped over at most.
const TIES: usize = 50;

/// Fields of a job's record that the list shows.
const FIELDS: [&str; 8] =
    ["status", "total", "completed", "failed", "cancelled", "created_at", "updated_at", "ended_at"];

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Page {
    limit: usize,
    status: Option<JobStatus>,
    after: Option<Place>,
}

/// A job's place in the order.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    made_ms: i64,
    job: JobId,
}

fn invalid(detail: &str) -> Problem {
    Problem::new(422, "VALIDATION_ERROR", detail)
}

impl Page {
    fn parse(query: &Query) -> Result<Self, Problem> {
        let limit = query.get("limit").map_or(Ok(PAGE), |text| {
            text.parse()
                .ok()
                .filter(|n| (1..=LARGEST_PAGE).contains(n))
                .ok_or_else(|| invalid("limit must be from 1 to 100"))
        })?;
        let status = query.get("status").map(|text| {
            JobStatus::parse(text).ok_or_else(|| {
                invalid("status must be pending, processing, completed, partially_completed, failed or cancelled")
            })
        });
        let after =
            query.get("cursor").map(|text| Place::parse(text).ok_or_else(|| invalid("cursor is not one of ours")));
        Ok(Self { limit, status: status.transpose()?, after: after.transpose()? })
    }
}

impl Place {
    fn parse(text: &str) -> Option<Self> {
        let (made, job) = text.split_once('.')?;
        Some(Self { made_ms: made.parse().ok()?, job: JobId::parse(job).ok()? })
    }

    fn cursor(&self) -> String {
        format!("{}.{}", self.made_ms, self.job)
    }

    /// Whether it comes later in the list: older, or as old with a smaller id, which is how Redis orders ties.
    fn is_after(&self, other: &Self) -> bool {
        (self.made_ms, self.job.as_str()) < (other.made_ms, other.job.as_str())
    }
}

/// Answers a page of the caller's jobs.
pub(crate) async fn jobs(context: Context) -> Result<Reply, Failure> {
    let page = Page::parse(&context.query)?;
    let mut places = places(&context.caller, &page).await?;
    let more = places.len() > page.limit;
    places.truncate(page.limit);
    let next = places.last().filter(|_| more).map(Place::cursor);
    let found = try_join_all(places.iter().map(summary)).await?;
    let wanted = |job: &Value| page.status.is_none_or(|status| job.get("status") == Some(&json!(status)));
    let jobs: Vec<Value> = found.into_iter().flatten().filter(wanted).collect();
    reply::json(200, &json!({ "jobs": jobs, "next_cursor": next }))
}

/// One more than the page has, to know whether there is another.
async fn places(tenant: &str, page: &Page) -> Result<Vec<Place>, Failure> {
    let from = page.after.as_ref().map_or_else(|| "+inf".to_owned(), |place| place.made_ms.to_string());
    let count = (page.limit + 1 + TIES).to_string();
    let key = redis::keys().jobs_of(tenant);
    let flat = redis::texts("ZREVRANGEBYSCORE", &[&key, &from, "-inf", "WITHSCORES", "LIMIT", "0", &count]).await?;
    let mut places = read_places(&flat);
    if let Some(after) = &page.after {
        places.retain(|place| place.is_after(after));
    }
    places.truncate(page.limit + 1);
    Ok(places)
}

/// Members and scores, alternating.
fn read_places(flat: &[String]) -> Vec<Place> {
    let pairs = flat.chunks_exact(2).filter_map(|pair| match pair {
        [job, made] => Some(Place { job: JobId::parse(job).ok()?, made_ms: made.parse().ok()? }),
        _ => None,
    });
    pairs.collect()
}

/// What the list shows of a job; `None` when it has expired.
async fn summary(place: &Place) -> Result<Option<Value>, Failure> {
    let key = redis::keys().job(&place.job);
    let args: Vec<&str> = std::iter::once(key.as_str()).chain(FIELDS).collect();
    let values = redis::texts("HMGET", &args).await?;
    Ok(summarise(&place.job, &values))
}

fn summarise(job: &JobId, values: &[String]) -> Option<Value> {
    let [status, total, completed, failed, cancelled, created, updated, ended] = values else { return None };
    let status = JobStatus::parse(status)?;
    let number = |text: &str| text.parse::<i64>().unwrap_or_default();
    Some(json!({
        "job_id": job,
        "task_id": job.as_task_id(),
        "status": status,
        "total_files": number(total),
        "completed_files": number(completed),
        "failed_files": number(failed),
        "cancelled_files": number(cancelled),
        "created_at": rfc3339(number(created)),
        "updated_at": rfc3339(number(updated)),
        "completed_at": ended.parse::<i64>().ok().map(rfc3339),
        "links": { "self": format!("/api/v1/status/{job}"), "page": format!("/processing?job={job}") },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(made_ms: i64, id: u8) -> Place {
        Place { made_ms, job: JobId::from_random([id; 16]) }
    }

    #[test]
    fn a_cursor_reads_back_and_orders_ties() {
        let one = place(1_700_000_000_000, 5);
        assert_eq!(Place::parse(&one.cursor()), Some(one.clone()));
        assert!(place(1_700_000_000_000, 4).is_after(&one) && place(1, 9).is_after(&one));
        assert!(!one.is_after(&one) && !place(1_700_000_000_000, 6).is_after(&one));
    }

    #[test]
    fn refuses_what_it_does_not_understand() {
        let parse = |text: &str| Page::parse(&Query::parse(text));
        assert_eq!(parse("").unwrap(), Page { limit: 20, status: None, after: None });
        assert_eq!(parse("status=failed&limit=5").unwrap().status, Some(JobStatus::Failed));
        for bad in ["limit=0", "limit=101", "limit=x", "status=done", "cursor=", "cursor=1.2"] {
            assert_eq!(parse(bad).unwrap_err().status(), 422, "{bad}");
        }
    }

    #[test]
    fn an_expired_job_is_left_out() {
        let job = JobId::from_random([1; 16]);
        let gone = vec![String::new(); 8];
        assert!(summarise(&job, &gone).is_none());
        let values = ["pending", "2", "0", "0", "0", "0", "0", ""].map(str::to_owned);
        let shown = summarise(&job, &values).unwrap();
        assert_eq!(
            (&shown["status"], &shown["total_files"], &shown["completed_at"]),
            (&json!("pending"), &json!(2), &Value::Null)
        );
    }
}
