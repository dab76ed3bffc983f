//! Jobs as lists show them, newest first, a page at a time.
//!
//! A cursor is the place of the last job looked at, so that jobs made meanwhile neither repeat nor hide others. With a
//! filter, one request looks at a bounded number of jobs: a page may then be short and still have a next one, which goes on
//! from there.

use image2model_domain::commands::{JobPage, JobPlace, JobSummary, ListJobs};
use image2model_domain::time::rfc3339;
use image2model_domain::{JobStatus, Problem};
use serde_json::{Value, json};

use crate::listing::invalid;
use crate::query::Query;
use crate::{Failure, redis};

/// Jobs on a page unless the client asks for fewer or more.
const PAGE: u32 = 20;
/// Most jobs on a page.
const LARGEST_PAGE: u32 = 100;
/// Jobs that one call of Redis looks at.
const LOOKS: u32 = 500;
/// Calls that one request makes.
const CALLS: usize = 10;
/// Longest part of a file's name to look for, bytes.
const LONGEST_NAME: usize = 255;

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Page {
    limit: u32,
    status: Option<JobStatus>,
    file_name: Option<String>,
    after: Option<JobPlace>,
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
            query.get("cursor").map(|text| JobPlace::parse(text).ok_or_else(|| invalid("cursor is not one of ours")));
        let file_name = query.get("filename").filter(|name| !name.is_empty()).map(str::to_owned);
        if file_name.as_ref().is_some_and(|name| name.len() > LONGEST_NAME) {
            return Err(invalid("filename must be at most 255 bytes"));
        }
        Ok(Self { limit, status: status.transpose()?, file_name, after: after.transpose()? })
    }
}

/// One page: `{jobs, next_cursor}`. Of one tenant's jobs, or of everybody's; `for_admin` adds whose they are.
///
/// # Errors
/// 422 when the query says something else than it may.
pub async fn page(tenant: Option<&str>, query: &Query, for_admin: bool) -> Result<Value, Failure> {
    let Page { limit, status, file_name, mut after } = Page::parse(query)?;
    let (mut jobs, mut left) = (Vec::new(), limit);
    for _ in 0..CALLS {
        let file_name = file_name.as_deref();
        let command = ListJobs { tenant, limit: left, looks: LOOKS, status, file_name, after: after.as_ref() };
        let JobPage { jobs: found, next } = redis::run(&command).await?;
        left = left.saturating_sub(u32::try_from(found.len()).unwrap_or(u32::MAX));
        jobs.extend(found.iter().map(|job| summary(job, for_admin)));
        after = next;
        if left == 0 || after.is_none() {
            break;
        }
    }
    Ok(json!({ "jobs": jobs, "next_cursor": after.as_ref().map(JobPlace::cursor) }))
}

fn summary(job: &JobSummary, for_admin: bool) -> Value {
    let mut shown = json!({
        "job_id": job.id,
        "task_id": job.id.as_task_id(),
        "status": job.status,
        "model": job.model,
        "total_files": job.total,
        "completed_files": job.completed,
        "failed_files": job.failed,
        "cancelled_files": job.cancelled,
        "first_filename": job.first_file,
        "pictured_file_ids": job.pictured,
        "created_at": rfc3339(job.created_at),
        "updated_at": rfc3339(job.updated_at),
        "completed_at": job.ended_at.map(rfc3339),
        "links": { "self": format!("/api/v1/status/{}", job.id), "page": format!("/processing?job={}", job.id) },
    });
    if let (true, Some(shown)) = (for_admin, shown.as_object_mut()) {
        shown.insert("tenant".to_owned(), json!(job.tenant));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_it_does_not_understand() {
        let parse = |text: &str| Page::parse(&Query::parse(text));
        assert_eq!(parse("").unwrap(), Page { limit: 20, status: None, file_name: None, after: None });
        assert_eq!(parse("status=failed&limit=5").unwrap().status, Some(JobStatus::Failed));
        assert_eq!(parse("filename=Chair").unwrap().file_name.as_deref(), Some("Chair"));
        for bad in ["limit=0", "limit=101", "limit=x", "status=done", "cursor=", "cursor=1.2"] {
            assert_eq!(parse(bad).unwrap_err().status(), 422, "{bad}");
        }
        assert_eq!(parse(&format!("filename={}", "x".repeat(256))).unwrap_err().status(), 422);
    }
}
