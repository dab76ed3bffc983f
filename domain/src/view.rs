//! Jobs as clients see them (CONTRACT: Status). One place, because the status routes, the streams' snapshots and the
//! terminal all show the same.

use serde_json::{Value, json};

use crate::ids::JobId;
use crate::record::{FileRecord, JobRecord, WebhookRecord};
use crate::state::{FileStatus, JobStatus};
use crate::time::rfc3339;

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

/// The same job seen by its task id, in the words of the original system and of Celery.
#[must_use]
pub fn task(job: &JobRecord) -> Value {
    let processed = job.completed + job.failed + job.cancelled;
    json!({
        "task_id": job.id.as_task_id(),
        "job_id": job.id,
        "status": job.status.task_status(),
        "state": job.status.celery_state(),
        "progress": job.overall_progress,
        "current": processed,
        "total": job.files.len(),
        "message": task_message(job, processed),
        "timestamp": rfc3339(job.updated_at),
        "result": job.status.is_terminal().then(|| task_result(job)),
        "error": (job.status == JobStatus::Failed).then_some("No file could be turned into a model"),
    })
}

/// One file of a job seen by its own task id, in the same words.
#[must_use]
pub fn file_task(job: &JobRecord, of: &FileRecord) -> Value {
    let (done, ended) = (of.status == FileStatus::Completed, of.status.is_terminal());
    let status = match of.status {
        FileStatus::Pending => JobStatus::Pending,
        FileStatus::Completed => JobStatus::Completed,
        FileStatus::Failed => JobStatus::Failed,
        FileStatus::Cancelled => JobStatus::Cancelled,
        _ => JobStatus::Processing,
    };
    json!({
        "task_id": of.id.as_task_id(),
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

fn task_message(job: &JobRecord, processed: u32) -> String {
    match job.status {
        JobStatus::Pending => "Task is waiting to be processed".to_owned(),
        JobStatus::Processing => format!("Processed {processed} of {} files", job.files.len()),
        JobStatus::Completed => "Every model is ready".to_owned(),
        JobStatus::PartiallyCompleted => format!("{} of {} models are ready", job.completed, job.files.len()),
        JobStatus::Failed => "No file could be turned into a model".to_owned(),
        JobStatus::Cancelled => "Cancelled".to_owned(),
    }
}

fn task_result(job: &JobRecord) -> Value {
    json!({
        "job_id": job.id,
        "status": job.status,
        "total_files": job.files.len(),
        "successful_files": job.completed,
        "failed_files": job.failed,
        "chord_task_id": job.id.as_task_id(),
        "results": job.files.iter().map(|f| file(job, f)).collect::<Vec<_>>(),
    })
}

/// Seconds until the job is likely to end, drawn from its own pace; nothing before it has one.
fn eta_seconds(job: &JobRecord) -> Option<i64> {
    if job.status.is_terminal() {
        return Some(0);
    }
    let done = i64::from(job.overall_progress);
    let elapsed = (job.updated_at - job.created_at) / 1000;
    (done >= 5 && elapsed > 0).then(|| elapsed * (100 - done) / done)
}
