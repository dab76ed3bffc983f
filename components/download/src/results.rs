//! The results of a job: which files have a model, what each is called, and how that looks in a list.

use std::collections::HashSet;

use image2model_domain::record::{FileRecord, JobRecord};
use image2model_domain::{FileStatus, file_name, time, view};
use serde_json::{Value, json};

/// The name of an archive's own table of contents.
pub const MANIFEST: &str = "manifest.json";

/// A file that has its model.
#[derive(Debug, Clone)]
pub struct ModelResult<'a> {
    /// The file.
    pub file: &'a FileRecord,
    /// What its model is called, unlike any other of the job.
    pub name: String,
}

/// The finished models of a job in the order of its files.
#[must_use]
pub fn models(job: &JobRecord) -> Vec<ModelResult<'_>> {
    let mut names = UniqueNames::default();
    // An archive of the models has a file of this name beside them.
    names.take(MANIFEST);
    job.files
        .iter()
        .filter(|file| file.status == FileStatus::Completed)
        .map(|file| ModelResult { file, name: names.take(&model_name(file)) })
        .collect()
}

/// The name of a file's model before it is made unique: as recorded, else after its image.
#[must_use]
pub fn model_name(file: &FileRecord) -> String {
    match &file.model_name {
        Some(name) => file_name::sanitize(name),
        None => format!("{}.glb", file_name::split_extension(&file.filename).0),
    }
}

/// The media type of a model by its name. FAL itself says `application/octet-stream` for all of them.
#[must_use]
pub fn media_type(name: &str) -> &'static str {
    match file_name::split_extension(name).1.to_ascii_lowercase().as_str() {
        "glb" => "model/gltf-binary",
        "gltf" => "model/gltf+json",
        "obj" => "model/obj",
        "stl" => "model/stl",
        "usdz" => "model/vnd.usdz+zip",
        _ => "application/octet-stream",
    }
}

/// The answer of `GET /download/{job_id}/all`.
#[must_use]
pub fn list(job: &JobRecord) -> Value {
    let files: Vec<Value> = models(job).iter().map(|result| entry(job, result)).collect();
    let urls: Vec<&Value> = files.iter().filter_map(|file| file.get("download_url")).collect();
    json!({
        "job_id": job.id,
        "status": job.status,
        "files": files,
        "download_urls": urls,
        "total_files": files.len(),
        "zip_url": format!("/api/v1/download/{}/all?format=zip", job.id),
    })
}

fn entry(job: &JobRecord, result: &ModelResult<'_>) -> Value {
    let ModelResult { file, name } = result;
    let has_preview = file.preview_url.is_some() || file.preview_blob.is_some();
    json!({
        "file_id": file.id,
        "filename": name,
        "original_filename": file.filename,
        "size": file.model_size,
        "mime_type": media_type(name),
        "created_time": file.ended_at.map(time::rfc3339),
        "model_url": file.model_url,
        "download_url": view::model_path(job, file),
        "rendered_image": file.preview_url,
        "preview_url": has_preview.then(|| format!("/api/v1/download/{}/{}/preview", job.id, file.id)),
    })
}

/// Hands out names, none of them twice even where case makes no difference: `chair.glb`, `chair (2).glb`.
#[derive(Debug, Default)]
pub struct UniqueNames(HashSet<String>);

impl UniqueNames {
    /// The name, or the first free one after it.
    pub fn take(&mut self, name: &str) -> String {
        let (stem, extension) = file_name::split_extension(name);
        let dot = if extension.is_empty() { "" } else { "." };
        let mut candidate = name.to_owned();
        let mut count = 1;
        while !self.0.insert(candidate.to_lowercase()) {
            count += 1;
            candidate = format!("{stem} ({count}){dot}{extension}");
        }
        candidate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_never_given_twice() {
        let mut names = UniqueNames::default();
        let given =
            ["chair.glb", "Chair.glb", "chair (2).glb", "chair.glb", "noext", "noext"].map(|name| names.take(name));
        assert_eq!(given, ["chair.glb", "Chair (2).glb", "chair (2) (2).glb", "chair (3).glb", "noext", "noext (2)"]);
    }

    #[test]
    fn media_types_go_by_the_extension() {
        assert_eq!(media_type("a.GLB"), "model/gltf-binary");
        assert_eq!(media_type("a.fbx"), "application/octet-stream");
    }
}
