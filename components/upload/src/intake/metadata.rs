//! What is stored beside the images of a job, for people and for recovery: `uploads/{job}/metadata.json`.

use image2model_domain::{JobId, time};
use serde_json::{Value, json};

use super::Received;

/// The content of `metadata.json`.
#[must_use]
pub fn metadata(job: &JobId, received: &Received, model: &str, request_id: &str, created_at_ms: i64) -> Value {
    let options: Value = serde_json::from_str(&received.fields.options.to_json()).unwrap_or_default();
    let files: Vec<Value> = received
        .images
        .iter()
        .map(|image| {
            json!({
                "file_id": image.id,
                "filename": image.filename,
                "key": image.key,
                "size": image.facts.bytes,
                "content_type": image.facts.kind.content_type(),
                "width": image.facts.width,
                "height": image.facts.height,
            })
        })
        .collect();
    json!({
        "job_id": job,
        "created_at": time::rfc3339(created_at_ms),
        "request_id": request_id,
        "model": model,
        "process": received.fields.process,
        "options": options,
        "files": files,
    })
}
