//! `GET /admin/jobs`, of all tenants or one, and `GET /admin/jobs/{job_id}` with everything that happened to it.

use image2model_domain::commands::ReadJob;
use image2model_domain::record::{FileRecord, JobRecord};
use image2model_domain::time::rfc3339;
use image2model_domain::{Problem, view};
use image2model_kit::{Context, Failure, Reply, job_list, listing, redis, reply};
use serde_json::{Value, json};

use crate::audit;

/// Events shown; a job's stream is trimmed to about half of that.
const MOST_EVENTS: &str = "2000";
/// A tenant is `key:` and a digest, or one of our own words.
pub(crate) const LONGEST_TENANT: usize = 128;

/// Answers a page.
pub(crate) async fn list(context: Context) -> Result<Reply, Failure> {
    let tenant = context.query.get("tenant");
    if tenant.is_some_and(|tenant| !(1..=LONGEST_TENANT).contains(&tenant.chars().count())) {
        return Err(listing::invalid("tenant must be 1 to 128 characters").into());
    }
    audit::asked(&context, &json!({ "tenant": tenant, "status": context.query.get("status") }));
    reply::json(200, &job_list::page(tenant, &context.query, true).await?)
}

/// Answers one job.
pub(crate) async fn one(context: Context) -> Result<Reply, Failure> {
    let id = context.job()?;
    audit::asked(&context, &json!({ "job_id": id }));
    let job = redis::run(&ReadJob(&id)).await?.ok_or_else(Problem::job_not_found)?;
    let flat = redis::texts("XRANGE", &[&redis::keys().await?.job_events(&id), "-", "+", "COUNT", MOST_EVENTS]).await?;
    reply::json(200, &shown(&job, &history(&flat)))
}

/// Every event, oldest first, with the id that listeners know it by. Flattened: an id, the field's name, the event.
fn history(flat: &[String]) -> Vec<Value> {
    let event = |entry: &[String]| match entry {
        [id, _, data] => {
            let mut event: Value = serde_json::from_str(data).ok()?;
            event.as_object_mut()?.insert("id".to_owned(), json!(id));
            Some(event)
        }
        _ => None,
    };
    flat.chunks_exact(3).filter_map(event).collect()
}

/// Its status as its owner sees it, and what only an operator may know.
fn shown(job: &JobRecord, events: &[Value]) -> Value {
    let mut shown = view::status(job);
    let inside: Vec<Value> = job.files.iter().map(inside).collect();
    if let Some(shown) = shown.as_object_mut() {
        shown.extend([
            ("tenant".to_owned(), json!(job.tenant)),
            ("model".to_owned(), json!(job.model)),
            ("options".to_owned(), serde_json::from_str(&job.options).unwrap_or(Value::Null)),
            ("request_id".to_owned(), json!(job.request_id)),
            ("cancel_requested".to_owned(), json!(job.cancel_requested)),
            ("processing".to_owned(), json!(inside)),
            ("events".to_owned(), json!(events)),
        ]);
    }
    shown
}

fn inside(file: &FileRecord) -> Value {
    json!({
        "file_id": file.id,
        "image": file.blob,
        "model_blob": file.model_blob,
        "model_size": file.model_size,
        "preview_blob": file.preview_blob,
        "fal_request_id": file.fal_request_id,
        "submitted_at": file.intended_at.map(rfc3339),
        "ended_at": file.ended_at.map(rfc3339),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_keep_their_ids_and_order() {
        let flat = ["1-0", "data", r#"{"type":"progress"}"#, "2-0", "data", r#"{"type":"job"}"#].map(str::to_owned);
        let events = history(&flat);
        assert_eq!(events.len(), 2);
        assert_eq!((&events[0]["id"], &events[1]["type"]), (&json!("1-0"), &json!("job")));
    }
}
