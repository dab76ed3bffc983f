//! `manifest.json`, the first entry of every archive: what each file of the job became, also where there is no model.

use image2model_domain::record::JobRecord;
use image2model_domain::time;
use serde_json::{Value, json};

use crate::results::models;

/// Its content. `packed` are the file ids whose models are in the archive; others are named with their URL.
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
                "model": model.filter(|_| inside).map(|model| &model.name),
                "size": model.and(file.model_size),
                "model_url": model.and(file.model_url.as_ref()),
                "error": file.error.as_ref().map(|error| json!({ "code": error.code, "message": error.message })),
            })
        })
        .collect();
    json!({ "job_id": job.id, "status": job.status, "created_at": time::rfc3339(job.created_at), "files": files })
}
