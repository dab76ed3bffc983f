//! Jobs as clients see them. One place, because the status routes, the streams' snapshots and the
//! terminal all show the same.

use serde_json::{Value, json};

use crate::ids::JobId;
use crate::record::{FileRecord, JobRecord, WebhookRecord};
use crate::state::{FileStatus, JobStatus};
use crate::time::rfc3339;

/// What is wrong with a job that failed.
pub(crate) const NO_MODEL: &str = "No file could be turned into a model";

/// The answer of every job status route.
#[must_use]
pub fn status(job: &JobRecord) -> Value {
    json!({
        "job_id": job.id,
        "batch_id": job.id,
        "task_id": job.id.as_task_id(),
        "status": job.status,
        "progress": job.overall_progress,
        "overall_progress": job.overall_progress,
        "total_files": job.files.len(),
        "completed_files": job.completed,
        "failed_files": job.failed,
        "cancelled_files": job.cancelled,
        "created_at": rfc3339(job.created_at),
        "updated_at": rfc3339(job.updated_at),
        "completed_at": job.ended_at.map(rfc3339),
        "expires_at": job.expires_at.map(rfc3339),
        "eta_seconds": eta_seconds(job),
        "queue_position": job.files.iter().filter_map(|f| f.queue_position).min(),
        "files": job.files.iter().map(|f| file(job, f)).collect::<Vec<_>>(),
        "webhook": job.webhook.as_ref().map(webhook),
        "links": links(&job.id),
    })
}

/// What came of the webhook. Its URL is not shown: it may be a secret of the owner's.
fn webhook(webhook: &WebhookRecord) -> Value {
    json!({
        "status": webhook.status,
        "attempts": webhook.attempts,
        "response_status": webhook.response_status,
        "error": webhook.error,
        "updated_at": webhook.updated_at.map(rfc3339),
    })
}

/// One file of a job, as its status shows it.
#[must_use]
pub fn file(job: &JobRecord, file: &FileRecord) -> Value {
    let done = file.status == FileStatus::Completed;
    let error = file.error.as_ref().filter(|_| file.status.is_terminal());
    json!({
        "file_id": file.id,
        "filename": file.filename,
        "file_size": file.size,
        "content_type": file.content_type,
        "width": file.width,
        "height": file.height,
        "status": file.status,
        "progress": file.progress,
        "message": file.message,
        "model_url": file.model_url,
        "download_url": done.then(|| model_path(job, file)),
        "rendered_image": done.then(|| file.preview_url.clone()).flatten(),
        "queue_position": file.queue_position,
        "error": error.map(|e| json!({ "code": e.code, "message": e.message, "retryable": e.retryable })),
        "attempts": file.attempts,
        "restarts": file.restarts,
        "task_id": file.id.as_task_id(),
    })
}

/// Where a file's model is downloaded.
#[must_use]
pub fn model_path(job: &JobRecord, file: &FileRecord) -> String {
    format!("/api/v1/download/{}/{}/model", job.id, file.id)
}

/// Where to go from here.
#[must_use]
pub fn links(job: &JobId) -> Value {
    json!({
        "self": format!("/api/v1/status/{job}"),
        "stream": format!("/api/v1/status/stream/{job}"),
        "task": format!("/api/v1/status/tasks/{}", job.as_task_id()),
        "download": format!("/api/v1/download/{job}/all"),
        "page": format!("/processing?job={job}"),
    })
}

/// The same job seen by its task id, as the client wrote it, in the words of the original system and of Celery.
#[must_use]
pub fn task(job: &JobRecord, task_id: &str) -> Value {
    let processed = job.completed + job.failed + job.cancelled;
    let (status, state) = match job.is_retrying() {
        true => ("retrying", "RETRY"),
        false => (job.status.task_status(), job.status.celery_state()),
    };
    json!({
        "task_id": task_id,
        "job_id": job.id,
        "status": status,
        "state": state,
        "progress": job.overall_progress,
        "current": processed,
        "total": job.files.len(),
        "message": task_message(job, processed),
        "timestamp": rfc3339(job.updated_at),
        "result": job.status.is_terminal().then(|| task_result(job, task_id)),
        "error": (job.status == JobStatus::Failed).then_some(NO_MODEL),
    })
}

/// One file of a job seen by its own task id, as the client wrote it, in the same words.
#[must_use]
pub fn file_task(job: &JobRecord, of: &FileRecord, task_id: &str) -> Value {
    let (done, ended) = (of.status == FileStatus::Completed, of.status.is_terminal());
    let status = match of.status {
        FileStatus::Pending => JobStatus::Pending,
        FileStatus::Completed => JobStatus::Completed,
        FileStatus::Failed => JobStatus::Failed,
        FileStatus::Cancelled => JobStatus::Cancelled,
        _ => JobStatus::Processing,
    };
    json!({
        "task_id": task_id,
        "job_id": job.id,
        "file_id": of.id,
        "status": status.task_status(),
        "state": status.celery_state(),
        "progress": of.progress,
        "current": u8::from(ended),
        "total": 1,
        "message": of.message,
        "timestamp": rfc3339(job.updated_at),
        "result": ended.then(|| json!({
            "job_id": job.id,
            "status": of.status,
            "total_files": 1,
            "successful_files": u8::from(done),
            "failed_files": u8::from(of.status == FileStatus::Failed),
            "chord_task_id": job.id.as_task_id(),
            "results": [file(job, of)],
        })),
        "error": of.error.as_ref().filter(|_| ended).map(|error| error.message.clone()),
    })
}

/// A task id that no job has: Celery answers so, and so did the original.
#[must_use]
pub fn unknown_task(task_id: &str, now_ms: i64) -> Value {
    json!({
        "task_id": task_id, "job_id": null, "status": "queued", "state": "PENDING", "progress": 0, "current": 0, "total": 0,
        "message": "Task is waiting to be processed", "timestamp": rfc3339(now_ms), "result": null, "error": null,
    })
}

/// A sentence on how a job stands, `processed` of its files having ended.
pub(crate) fn task_message(job: &JobRecord, processed: u32) -> String {
    match job.status {
        _ if job.is_retrying() => "An attempt failed; waiting for the next".to_owned(),
        JobStatus::Pending => "Task is waiting to be processed".to_owned(),
        JobStatus::Processing => format!("Processed {processed} of {} files", job.files.len()),
        ended => ending(ended, u64::from(job.completed), job.files.len() as u64),
    }
}

/// A sentence on how a job ended.
pub(crate) fn ending(status: JobStatus, completed: u64, total: u64) -> String {
    match status {
        JobStatus::Completed => "Every model is ready".to_owned(),
        JobStatus::PartiallyCompleted => format!("{completed} of {total} models are ready"),
        JobStatus::Cancelled => "Cancelled".to_owned(),
        JobStatus::Pending | JobStatus::Processing | JobStatus::Failed => NO_MODEL.to_owned(),
    }
}

fn task_result(job: &JobRecord, task_id: &str) -> Value {
    json!({
        "job_id": job.id,
        "status": job.status,
        "total_files": job.files.len(),
        "successful_files": job.completed,
        "failed_files": job.failed,
        "chord_task_id": task_id,
        "results": job.files.iter().map(|f| file(job, f)).collect::<Vec<_>>(),
    })
}

/// Seconds until the job is likely to end, drawn from its own pace since the first file was taken up, without those that had ended
/// by then; nothing before it has one. As of the last change, so that an unchanged job has an unchanged answer.
fn eta_seconds(job: &JobRecord) -> Option<i64> {
    if job.status.is_terminal() {
        return Some(0);
    }
    let started_at = job.started_at?;
    let elapsed_ms = job.updated_at - started_at;
    let under_way = job.files.iter().filter(|file| file.ended_at.is_none_or(|ended_at| ended_at >= started_at));
    let (whole, done) = under_way.fold((0, 0), |(whole, done), file| (whole + 100, done + i64::from(file.progress)));
    let has_pace = done > 0 && done * 20 >= whole && elapsed_ms > 0;
    has_pace.then(|| (elapsed_ms * (whole - done) / done + 999) / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::ReadJob;
    use crate::keys::Keyspace;
    use crate::script::{Command, Replies, Value as Reply};

    /// A job of two files as the script tells it: fields of the job, progress, fields of the second file. The first ended before.
    fn job(fields: &[(&str, &str)], progress: i64, second: &[(&str, &str)]) -> JobRecord {
        let id = JobId::from_random([7; 16]);
        let pairs = |pairs: &[(&str, &str)]| {
            let count = Reply::Int(i64::try_from(pairs.len()).unwrap());
            let text = pairs.iter().flat_map(|(k, v)| [k, v]).map(|t| Reply::Bytes(t.as_bytes().to_vec()));
            std::iter::once(count).chain(text).collect::<Vec<_>>()
        };
        let (one, two) = ("11".repeat(16), "22".repeat(16));
        let with = |own: &[(&'static str, &str)], more: &[(&str, &str)]| pairs(&[own, more].concat());
        let mut reply = vec![Reply::Bytes(b"1-0".to_vec()), Reply::Bytes(Vec::new()), Reply::Int(progress)];
        reply.extend(with(&[("id", id.as_str())], fields));
        let first = [("status", "completed"), ("ended_at", "100"), ("progress", "100")];
        reply.extend(with(&[("id", &one)], &first));
        reply.extend(with(&[("id", &two)], second));
        let command = ReadJob(&id);
        command.read(Replies::new(command.call(&Keyspace::single()).script, reply)).unwrap().unwrap()
    }

    #[test]
    fn the_pace_counts_from_the_first_file_taken_up() {
        let at = |started_at, updated_at, progress| {
            let times = [("status", "processing"), ("started_at", started_at), ("updated_at", updated_at)];
            status(&job(&times, 50, &[("status", "processing"), ("progress", progress)]))["eta_seconds"].clone()
        };
        // With one of the two made, half of it is done as soon as it has begun.
        assert_eq!((at("0", "10000", "0"), at("0", "10000", "60")), (json!(10), json!(3)));
        // The one that was made before does not count.
        let alone = |progress| at("60000", "70000", progress);
        assert_eq!((alone("50"), alone("25"), alone("4")), (json!(10), json!(30), Value::Null));
        assert_eq!(at("60000", "60000", "50"), Value::Null);
        let waiting = job(&[("status", "pending")], 0, &[("status", "pending")]);
        assert_eq!(status(&waiting)["eta_seconds"], Value::Null);
    }

    #[test]
    fn a_job_that_only_waits_for_another_attempt_is_retrying() {
        let state = |second: &[(&str, &str)]| {
            let seen = task(&job(&[("status", "processing")], 50, second), "t");
            (seen["status"].as_str().unwrap().to_owned(), seen["state"].as_str().unwrap().to_owned())
        };
        assert_eq!(state(&[("status", "pending"), ("attempts", "1")]), ("retrying".into(), "RETRY".into()));
        assert_eq!(state(&[("status", "pending"), ("attempts", "0")]), ("processing".into(), "PROGRESS".into()));
        assert_eq!(state(&[("status", "uploading"), ("attempts", "1")]), ("processing".into(), "PROGRESS".into()));
    }
}
