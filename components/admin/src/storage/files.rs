//! `GET /admin/list-files?directory=uploads|results&limit=&cursor=`: the jobs that have files in an area, by id, with what
//! each has there.

use image2model_domain::time::rfc3339;
use image2model_domain::{JobId, Problem};
use image2model_kit::listing::invalid;
use image2model_kit::query::Query;
use image2model_kit::{Context, Failure, Reply, blobs, reply};
use serde_json::{Value, json};

use super::megabytes;
use crate::audit;

/// Jobs on a page unless the client asks for fewer or more, as the original had it.
const PAGE: usize = 100;
/// Most jobs on a page.
const LARGEST_PAGE: usize = 500;

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    directory: &'static str,
    limit: usize,
    after: String,
}

impl Wanted {
    fn parse(query: &Query) -> Result<Self, Problem> {
        let directory = match query.get("directory") {
            Some("uploads") => "uploads",
            Some("results") => "results",
            Some(_) => return Err(Problem::new(400, "VALIDATION_ERROR", "Directory must be 'uploads' or 'results'")),
            None => return Err(invalid("directory is missing: uploads or results")),
        };
        let limit = query.get("limit").map_or(Ok(PAGE), |text| {
            let fits = text.parse().ok().filter(|n| (1..=LARGEST_PAGE).contains(n));
            fits.ok_or_else(|| invalid("limit must be from 1 to 500"))
        })?;
        let after = query.get("cursor").map_or(Ok(String::new()), |text| {
            JobId::parse(text).map(|job| job.to_string()).map_err(|_| invalid("cursor is not one of ours"))
        })?;
        Ok(Self { directory, limit, after })
    }
}

/// Answers a page.
pub(crate) async fn list(context: Context) -> Result<Reply, Failure> {
    let wanted = Wanted::parse(&context.query)?;
    audit::asked(&context, &json!({ "directory": wanted.directory }));
    let found = blobs::jobs(wanted.directory, &wanted.after, wanted.limit).await?;
    reply::json(200, &page(wanted.directory, &found))
}

fn page(directory: &str, found: &Value) -> Value {
    let jobs = found.get("jobs").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let number = |job: &Value, name: &str| job.get(name).and_then(Value::as_u64).unwrap_or_default();
    let sum = |name: &str| jobs.iter().map(|job| number(job, name)).sum::<u64>();
    let item = |job: &Value| {
        let modified = number(job, "modified_ms");
        json!({
            "path": job.get("job"),
            "size_mb": megabytes(number(job, "bytes")),
            "size_bytes": number(job, "bytes"),
            // Seconds since 1970 as text, as the original wrote it; and in plain form.
            "modified": format!("{}.{:03}", modified / 1000, modified % 1000),
            "modified_at": rfc3339(i64::try_from(modified).unwrap_or(i64::MAX)),
            "is_directory": true,
            "file_count": number(job, "files"),
        })
    };
    let more = found.get("more") == Some(&json!(true));
    // The original's clients look for a list of names under each directory's own; only one is asked for at a time.
    let names: Vec<&Value> = jobs.iter().filter_map(|job| job.get("job")).collect();
    let named = |area: &str| if area == directory { names.as_slice() } else { &[] };
    json!({
        "directory": directory,
        "uploads": named("uploads"),
        "results": named("results"),
        "total_size_mb": megabytes(sum("bytes")),
        "total_files": sum("files"),
        "items": jobs.iter().map(item).collect::<Vec<_>>(),
        "next_cursor": jobs.last().filter(|_| more).and_then(|job| job.get("job")),
        "complete": found.get("complete"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_jobs_as_the_original_listed_folders() {
        let found = json!({ "more": true, "complete": true, "jobs": [
            { "job": "a", "files": 2, "bytes": 1_048_576, "modified_ms": 1_700_000_000_123_u64 },
            { "job": "b", "files": 1, "bytes": 0, "modified_ms": 0 },
        ] });
        let page = page("uploads", &found);
        assert_eq!(
            (&page["total_size_mb"], &page["total_files"], &page["next_cursor"]),
            (&json!(1.0), &json!(3), &json!("b"))
        );
        assert_eq!((&page["uploads"], &page["results"]), (&json!(["a", "b"]), &json!([])));
        assert_eq!(super::page("results", &found)["results"], json!(["a", "b"]));
        assert_eq!(page["items"][0]["modified"], "1700000000.123");
        assert_eq!(page["items"][0]["is_directory"], true);
    }

    #[test]
    fn refuses_other_directories_and_limits() {
        let parse = |text: &str| Wanted::parse(&Query::parse(text));
        assert_eq!(
            parse("directory=results").unwrap(),
            Wanted { directory: "results", limit: 100, after: String::new() }
        );
        let status = |text: &str| parse(text).unwrap_err().status();
        assert_eq!((status("directory=../etc"), status(""), status("directory=uploads&limit=501")), (400, 422, 422));
        assert_eq!(status("directory=uploads&cursor=x"), 422);
    }
}
