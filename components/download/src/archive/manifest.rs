//! `manifest.json`, the first entry of every archive: what each file of the job became, also where there is no model.

use image2model_domain::record::{FileRecord, JobRecord};
use image2model_domain::{FileStatus, time};
use serde_json::{Value, json};

use crate::results::models;

/// Its content. `packed` are the file ids whose models are in the archive; of the others it says why they are not.
#[must_use]
pub fn manifest(job: &JobRecord, packed: &[&str]) -> Value {
    let models = models(job);
    let files: Vec<Value> = job
        .files
        .iter()
        .map(|file| {
            let model = models.iter().find(|model| model.file.id == file.id);
            let inside = packed.contains(&file.id.as_str());
            json!({
                "file_id": file.id,
                "original_filename": file.filename,
                "status": file.status,
                "included": inside,
                "reason": (!inside).then(|| why_missing(file)),
                "model": model.filter(|_| inside).map(|model| &model.name),
                "size": model.and(file.model_size),
                "model_url": model.and(file.model_url.as_ref()),
                "error": file.error.as_ref().map(|error| json!({ "code": error.code, "message": error.message })),
            })
        })
        .collect();
    json!({
        "job_id": job.id,
        "status": job.status,
        "created_at": time::rfc3339(job.created_at),
        "total_files": job.files.len(),
        "included_files": packed.len(),
        "files": files,
    })
}

fn why_missing(file: &FileRecord) -> &'static str {
    match file.status {
        FileStatus::Completed => "The model could not be had when this archive was made.",
        FileStatus::Failed => "Making the model failed.",
        FileStatus::Cancelled => "It was cancelled.",
        _ => "The model was not finished when this archive was made.",
    }
}
