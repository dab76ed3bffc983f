//! Jobs as lists show them, newest first, a page at a time. With `?status=` a page looks at as many jobs as without: it may
//! be short, or empty, and still have a next one.

use futures::future::try_join_all;
use image2model_domain::time::rfc3339;
use image2model_domain::{JobId, JobStatus, Problem};
use serde_json::{Value, json};

use crate::listing::{self, Order, PageQuery, Place, invalid};
use crate::query::Query;
use crate::{Failure, redis};

/// Fields of a job's record that a list shows.
const FIELDS: [&str; 10] =
    ["status", "total", "completed", "failed", "cancelled", "created_at", "updated_at", "ended_at", "tenant", "model"];

/// One page: `{jobs, next_cursor}`. `key` is the sorted set of the jobs to list; `for_admin` adds whose they are.
///
/// # Errors
/// 422 when the query says something else than it may.
pub async fn page(key: String, query: &Query, for_admin: bool) -> Result<Value, Failure> {
    let status = wanted_status(query)?;
    let page = listing::page(&[key], Order::Falling, &PageQuery::parse(query, listing::is_id)?).await?;
    let found = try_join_all(page.places.iter().map(|place| summary(place, for_admin))).await?;
    let wanted = |job: &Value| status.is_none_or(|status| job.get("status") == Some(&json!(status)));
    let jobs: Vec<Value> = found.into_iter().flatten().filter(wanted).collect();
    Ok(json!({ "jobs": jobs, "next_cursor": page.next_cursor }))
}

fn wanted_status(query: &Query) -> Result<Option<JobStatus>, Problem> {
    let Some(text) = query.get("status") else { return Ok(None) };
    let detail = "status must be pending, processing, completed, partially_completed, failed or cancelled";
    JobStatus::parse(text).map(Some).ok_or_else(|| invalid(detail))
}

/// What the list shows of a job; `None` when it has expired.
async fn summary(place: &Place, for_admin: bool) -> Result<Option<Value>, Failure> {
    let Ok(job) = JobId::parse(&place.member) else { return Ok(None) };
    let key = redis::keys().job(&job);
    let args: Vec<&str> = std::iter::once(key.as_str()).chain(FIELDS).collect();
    let values = redis::texts("HMGET", &args).await?;
    Ok(summarise(&job, &values, for_admin))
}

fn summarise(job: &JobId, values: &[String], for_admin: bool) -> Option<Value> {
    let [status, total, completed, failed, cancelled, created, updated, ended, tenant, model] = values else {
        return None;
    };
    let status = JobStatus::parse(status)?;
    let number = |text: &str| text.parse::<i64>().unwrap_or_default();
    let mut shown = json!({
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
    });
    if let (true, Some(shown)) = (for_admin, shown.as_object_mut()) {
        shown.insert("tenant".to_owned(), json!(tenant));
        shown.insert("model".to_owned(), json!(model));
    }
    Some(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expired_job_is_left_out_and_only_the_admin_sees_whose_it_is() {
        let job = JobId::from_random([1; 16]);
        assert!(summarise(&job, &vec![String::new(); 10], false).is_none());
        let values = ["pending", "2", "0", "0", "0", "0", "0", "", "key:a", "tripo3d"].map(str::to_owned);
        let shown = summarise(&job, &values, false).unwrap();
        assert_eq!((&shown["status"], &shown["total_files"]), (&json!("pending"), &json!(2)));
        assert_eq!((&shown["completed_at"], shown.get("tenant")), (&Value::Null, None));
        assert_eq!(summarise(&job, &values, true).unwrap()["tenant"], "key:a");
    }

    #[test]
    fn a_status_is_one_of_ours() {
        assert_eq!(wanted_status(&Query::parse("status=failed")).unwrap(), Some(JobStatus::Failed));
        assert_eq!(wanted_status(&Query::parse("status=done")).unwrap_err().status(), 422);
    }
}
