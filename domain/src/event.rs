//! Events of a job, in the seeds' form (where `error` is a sentence), and the named form of the original's task streams.
//!
//! The scripts write them (`scripts/prelude.lua`, `emit`); this module makes the same for a first connection, when a
//! listener is told the present state instead of history.

use serde_json::{Value, json};

use crate::record::{FileRecord, JobRecord};
use crate::state::{FileStatus, JobStatus};
use crate::time::rfc3339;
use crate::view;

/// The present state of a job as events: one per file and, once the job has ended, its last.
#[must_use]
pub fn snapshot(job: &JobRecord) -> Vec<Value> {
    let mut events: Vec<Value> = job.files.iter().map(|file| file_event(job, file)).collect();
    if job.status.is_terminal() {
        events.push(job_event(job));
    }
    events
}

/// The same in the named form: that the job waits, or how far it is, or how it ended, beside one event per file.
#[must_use]
pub fn task_snapshot(job: &JobRecord, task_id: &str) -> Vec<(&'static str, Value)> {
    let mut events: Vec<_> = job.files.iter().map(|file| file_update(file_event(job, file), task_id)).collect();
    let mut whole = job_event(job);
    merge(&mut whole, json!({ "message": view::task_message(job, job.completed + job.failed + job.cancelled) }));
    match job.status {
        JobStatus::Pending => events.insert(0, ("task_queued", totals_of(&whole, task_id, job.status.as_str()))),
        JobStatus::Processing => events.push(("task_progress", totals_of(&whole, task_id, job.status.as_str()))),
        ended => events.push(ending(&whole, task_id, ended.as_str())),
    }
    events
}

/// A file's state as an event.
#[must_use]
pub fn file_event(job: &JobRecord, file: &FileRecord) -> Value {
    let kind = match file.status {
        FileStatus::Completed => "completed",
        FileStatus::Failed | FileStatus::Cancelled => "error",
        _ => "progress",
    };
    let mut event = common(job);
    merge(
        &mut event,
        json!({
            "type": kind, "file_id": file.id, "filename": file.filename, "status": file.status, "progress": file.progress,
            "message": file.message, "attempts": file.attempts, "restarts": file.restarts,
        }),
    );
    if let Some(position) = file.queue_position {
        merge(&mut event, json!({ "queue_position": position }));
    }
    if file.status == FileStatus::Completed {
        merge(
            &mut event,
            json!({ "model_url": file.model_url, "rendered_image": file.preview_url, "model_name": file.model_name }),
        );
    }
    match &file.error {
        Some(e) if file.status.is_terminal() => {
            merge(&mut event, json!({ "error": e.message, "error_code": e.code, "retryable": e.retryable }));
        }
        _ if file.status == FileStatus::Cancelled => {
            merge(&mut event, json!({ "error": "Cancelled", "error_code": "CANCELLED", "retryable": false }));
        }
        _ => {}
    }
    event
}

/// The event that ends a job's stream.
#[must_use]
pub fn job_event(job: &JobRecord) -> Value {
    let mut event = common(job);
    merge(&mut event, json!({ "type": "job", "status": job.status, "progress": job.overall_progress }));
    event
}

/// Whether this event is the last of its job.
#[must_use]
pub fn is_last(event: &Value) -> bool {
    event.get("type").and_then(Value::as_str) == Some("job")
        && event.get("status").and_then(Value::as_str).and_then(JobStatus::parse).is_some_and(JobStatus::is_terminal)
}

/// The named events of the original's task stream that one event stands for: `(event name, data)`, in order.
#[must_use]
pub fn task_events(event: &Value, task_id: &str) -> Vec<(&'static str, Value)> {
    let kind = event.get("type").and_then(Value::as_str).unwrap_or_default();
    let status = event.get("status").and_then(Value::as_str).unwrap_or_default();
    let of_file = || file_update(event.clone(), task_id);
    match kind {
        "job" => vec![ending(event, task_id, status)],
        "log" => vec![of_file()],
        _ if event.get("file_id").is_none() => vec![("task_queued", totals_of(event, task_id, status))],
        _ => vec![of_file(), ("task_progress", totals_of(event, task_id, "processing"))],
    }
}

fn file_update(mut event: Value, task_id: &str) -> (&'static str, Value) {
    merge(&mut event, json!({ "task_id": task_id }));
    ("file_update", event)
}

/// The event of the end, which says as much of it as the task's status does, but for its files: each had an event of its own.
fn ending(event: &Value, task_id: &str, status: &str) -> (&'static str, Value) {
    let name = match status {
        "failed" => "task_failed",
        "cancelled" => "task_cancelled",
        _ => "task_completed",
    };
    let mut data = totals_of(event, task_id, status);
    let number = |name: &str| event.get(name).and_then(Value::as_u64).unwrap_or_default();
    let (total, completed) = (number("total_files"), number("completed_files"));
    let message = JobStatus::parse(status).map(|status| view::ending(status, completed, total));
    merge(
        &mut data,
        json!({ "message": message, "result": {
            "job_id": event.get("job_id"), "status": status, "total_files": total, "successful_files": completed,
            "failed_files": number("failed_files"), "chord_task_id": task_id,
        } }),
    );
    if name == "task_failed" {
        merge(&mut data, json!({ "error": view::NO_MODEL }));
    }
    (name, data)
}

/// What the original's task events carry about the whole job: `status` is its word, `job_status` ours.
fn totals_of(event: &Value, task_id: &str, status: &str) -> Value {
    let number = |name: &str| event.get(name).and_then(Value::as_i64).unwrap_or_default();
    json!({
        "task_id": task_id,
        "job_id": event.get("job_id"),
        "status": JobStatus::parse(status).map(JobStatus::task_status).unwrap_or(status),
        "job_status": status,
        "progress": number("overall_progress"),
        "overall_progress": number("overall_progress"),
        "current": number("completed_files") + number("failed_files") + number("cancelled_files"),
        "total": number("total_files"),
        "total_files": number("total_files"),
        "chord_task_id": task_id,
        "completed_files": number("completed_files"),
        "failed_files": number("failed_files"),
        "cancelled_files": number("cancelled_files"),
        "message": event.get("message"),
        "timestamp": event.get("timestamp"),
    })
}

fn common(job: &JobRecord) -> Value {
    json!({
        "job_id": job.id, "total_files": job.files.len(), "completed_files": job.completed, "failed_files": job.failed,
        "cancelled_files": job.cancelled, "overall_progress": job.overall_progress, "timestamp": rfc3339(job.updated_at),
    })
}

fn merge(into: &mut Value, more: Value) {
    if let (Value::Object(into), Value::Object(more)) = (into, more) {
        into.extend(more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_event_becomes_the_originals_named_ones() {
        let progress = json!({ "type": "progress", "job_id": "j", "file_id": "f", "progress": 40, "overall_progress": 20, "total_files": 2 });
        let named = task_events(&progress, "t");
        assert_eq!(named.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["file_update", "task_progress"]);
        assert_eq!(named[0].1["progress"], 40);
        assert_eq!(named[1].1["progress"], 20);
        assert_eq!((&named[1].1["total_files"], &named[1].1["chord_task_id"]), (&json!(2), &json!("t")));
        let end = json!({ "type": "job", "status": "failed", "overall_progress": 100 });
        let (name, failed) = task_events(&end, "t").remove(0);
        assert_eq!(
            (name, &failed["error"], &failed["message"]),
            ("task_failed", &view::NO_MODEL.into(), &failed["error"])
        );
        assert!(is_last(&end) && !is_last(&progress));
        let partial = json!({ "type": "job", "job_id": "j", "status": "partially_completed", "total_files": 3, "completed_files": 2, "failed_files": 1 });
        let told = &task_events(&partial, "t")[0].1;
        assert_eq!((&told["message"], told.get("error")), (&"2 of 3 models are ready".into(), None));
        let result = json!({
            "job_id": "j", "status": "partially_completed", "total_files": 3, "successful_files": 2, "failed_files": 1,
            "chord_task_id": "t",
        });
        assert_eq!(told["result"], result);
        assert_eq!(task_events(&partial, "t")[0].1["status"], "completed");
        assert_eq!(task_events(&partial, "t")[0].1["job_status"], "partially_completed");
        let queued = json!({ "type": "progress", "status": "pending", "message": "Queued" });
        assert_eq!(
            (task_events(&queued, "t")[0].0, &task_events(&queued, "t")[0].1["status"]),
            ("task_queued", &json!("queued"))
        );
    }
}
