//! The results of a job: which files have a model, what each is called, and how that looks in a list.

use std::collections::HashSet;

use image2model_domain::record::{FileRecord, JobRecord};
use image2model_domain::{FileId, FileStatus, file_name, time, view};
use serde_json::{Value, json};

/// The name of an archive's own table of contents.
pub const MANIFEST: &str = "manifest.json";

/// Pictures that are shown as what they are, with their extensions.
const PICTURES: [(&str, &str); 3] = [("image/webp", "webp"), ("image/png", "png"), ("image/jpeg", "jpg")];

/// A file that has its model.
#[derive(Debug, Clone)]
pub struct ModelResult<'a> {
    /// The file.
    pub file: &'a FileRecord,
    /// What its model is called, unlike any other of the job.
    pub name: String,
}

/// Where something is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the blob store, under this key.
    Here(String),
    /// At the provider, at this URL.
    Elsewhere(String),
}

impl Place {
    /// The places of something that may be kept in both: ours first.
    #[must_use]
    pub fn of(key: Option<&String>, url: Option<&String>) -> Vec<Self> {
        key.cloned().map(Self::Here).into_iter().chain(url.cloned().map(Self::Elsewhere)).collect()
    }
}

/// A model in one format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// What it is called.
    pub name: String,
    /// Where it is kept, the first to be asked first.
    pub places: Vec<Place>,
    /// Bytes, when they are known.
    pub size: Option<u64>,
}

impl ModelResult<'_> {
    /// The model in the format that is asked for, or in its own.
    #[must_use]
    pub fn offer(&self, format: Option<&str>) -> Option<Offer> {
        let file = self.file;
        let (stem, own) = file_name::split_extension(&self.name);
        match format {
            Some(format) if !format.eq_ignore_ascii_case(own) => {
                let other = file.alternates.iter().find(|other| other.format.eq_ignore_ascii_case(format))?;
                let places = vec![Place::Elsewhere(other.url.clone())];
                Some(Offer { name: format!("{stem}.{}", other.format), places, size: other.size })
            }
            _ => {
                let places = Place::of(file.model_blob.as_ref(), file.model_url.as_ref());
                Some(Offer { name: self.name.clone(), places, size: file.model_size })
            }
        }
    }

    /// Every format it can be had in, its own first.
    #[must_use]
    pub fn formats(&self) -> Vec<&str> {
        let own = file_name::split_extension(&self.name).1;
        std::iter::once(own).chain(self.file.alternates.iter().map(|other| other.format.as_str())).collect()
    }
}

/// The finished models of a job in the order of its files.
#[must_use]
pub fn models(job: &JobRecord) -> Vec<ModelResult<'_>> {
    named(job).filter(|result| result.file.status == FileStatus::Completed).collect()
}

/// The file whose model has this name, or will have it: of one that is not finished it can be told why there is none.
#[must_use]
pub fn file_named<'a>(job: &'a JobRecord, name: &str) -> Option<&'a FileRecord> {
    named(job).find(|result| result.name == name).map(|result| result.file)
}

/// Every file with the name of its model, finished or not, so that a name means the same model however many others are
/// finished later.
fn named(job: &JobRecord) -> impl Iterator<Item = ModelResult<'_>> {
    let mut names = UniqueNames::default();
    // An archive of the models has a file of this name beside them.
    names.take(MANIFEST);
    job.files.iter().map(move |file| ModelResult { file, name: names.take(&model_name(file)) })
}

/// The name of a file's model before it is made unique: as recorded, else after its image.
#[must_use]
pub fn model_name(file: &FileRecord) -> String {
    match &file.model_name {
        Some(name) => file_name::sanitize(name),
        None => format!("{}.glb", file_name::split_extension(&file.filename).0),
    }
}

/// `0123…cdef_model.glb`, the name that a result has in the blob store, begins with its file's id, or is nothing else.
#[must_use]
pub fn leading_id(name: &str) -> Option<FileId> {
    let id = name.split(['_', '.']).next()?;
    FileId::parse(id).ok()
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

/// What the rendered picture of a file's model is called, and its media type. Whatever is not known to be a picture is bytes.
#[must_use]
pub fn preview_of(file: &FileRecord) -> (String, &'static str) {
    let stem = file_name::split_extension(&file.filename).0;
    let picture = PICTURES.into_iter().find(|(kind, _)| file.preview_content_type.as_deref() == Some(*kind));
    let (content_type, extension) = picture.unwrap_or(("application/octet-stream", "webp"));
    (format!("{stem}_preview.{extension}"), content_type)
}

/// The answer of `GET /download/{job_id}/all`, with the size of each of `models`.
#[must_use]
pub fn list(job: &JobRecord, models: &[ModelResult<'_>], sizes: &[Option<u64>]) -> Value {
    let sizes = sizes.iter().copied().chain(std::iter::repeat(None));
    let files: Vec<Value> = models.iter().zip(sizes).map(|(result, size)| entry(job, result, size)).collect();
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

fn entry(job: &JobRecord, result: &ModelResult<'_>, size: Option<u64>) -> Value {
    let ModelResult { file, name } = result;
    let has_preview = file.preview_url.is_some() || file.preview_blob.is_some();
    json!({
        "file_id": file.id,
        "filename": name,
        "original_filename": file.filename,
        "size": size,
        // The original's name for it.
        "file_size": size,
        "mime_type": media_type(name),
        "formats": result.formats(),
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
    use image2model_domain::JobId;
    use image2model_domain::commands::ReadJob;
    use image2model_domain::keys::Keyspace;
    use image2model_domain::script::{Command, Replies, Value as Reply};

    use super::*;

    /// A job of files that are all called `chair.jpg`, in these states.
    fn job_of_chairs(states: &[&str]) -> JobRecord {
        job_of_files(&states.iter().map(|state| vec![("status", *state)]).collect::<Vec<_>>())
    }

    /// A job of files that are all called `chair.jpg`, of which this is known.
    fn job_of_files(files: &[Vec<(&str, &str)>]) -> JobRecord {
        let text = |text: &str| Reply::Bytes(text.as_bytes().to_vec());
        let hash = |pairs: &[(&str, &str)]| {
            let count = Reply::Int(i64::try_from(pairs.len()).unwrap());
            std::iter::once(count).chain(pairs.iter().flat_map(|(k, v)| [text(k), text(v)])).collect::<Vec<_>>()
        };
        let id = JobId::from_random([7; 16]);
        let mut reply = vec![text("1-0"), text(""), Reply::Int(0)];
        reply.extend(hash(&[("id", id.as_str()), ("status", "processing")]));
        for (nth, known) in (1..).zip(files) {
            let file = FileId::from_random([nth; 16]);
            reply.extend(hash(&[&[("id", file.as_str()), ("filename", "chair.jpg")], known.as_slice()].concat()));
        }
        let command = ReadJob(&id);
        command.read(Replies::new(command.call(&Keyspace::single()).script, reply)).unwrap().unwrap()
    }

    #[test]
    fn a_name_means_the_same_model_before_and_after_others_are_finished() {
        let names = |states: &[&str]| {
            let job = job_of_chairs(states);
            models(&job).into_iter().map(|model| (model.file.id.clone(), model.name)).collect::<Vec<_>>()
        };
        let chair = |nth, name: &str| (FileId::from_random([nth; 16]), name.to_owned());
        let second = chair(2, "chair (2).glb");
        assert_eq!(names(&["processing", "completed", "pending"]), [second.clone()]);
        assert_eq!(names(&["failed", "completed", "completed"]), [second.clone(), chair(3, "chair (3).glb")]);
        assert_eq!(names(&["completed", "completed", "cancelled"]), [chair(1, "chair.glb"), second]);
    }

    #[test]
    fn a_name_is_known_before_its_model_is_there() {
        let job = job_of_chairs(&["processing", "completed", "failed"]);
        let named = |name: &str| file_named(&job, name).map(|file| file.id.clone());
        for (nth, name) in [(1, "chair.glb"), (2, "chair (2).glb"), (3, "chair (3).glb")] {
            assert_eq!(named(name), Some(FileId::from_random([nth; 16])), "{name}");
        }
        for none in ["chair (4).glb", "chair.jpg", MANIFEST] {
            assert_eq!(named(none), None, "{none}");
        }
    }

    #[test]
    fn a_preview_is_shown_as_the_picture_that_it_is() {
        let shown = |kind: &str| {
            let known = vec![
                ("status", "completed"),
                ("preview_url", "https://files.example/x"),
                ("preview_content_type", kind),
            ];
            preview_of(&job_of_files(&[known]).files[0])
        };
        assert_eq!(shown("image/webp"), ("chair_preview.webp".to_owned(), "image/webp"));
        assert_eq!(shown("image/png"), ("chair_preview.png".to_owned(), "image/png"));
        for other in ["image/svg+xml", "text/html", ""] {
            assert_eq!(shown(other), ("chair_preview.webp".to_owned(), "application/octet-stream"), "{other}");
        }
    }

    #[test]
    fn names_are_never_given_twice() {
        let mut names = UniqueNames::default();
        let given =
            ["chair.glb", "Chair.glb", "chair (2).glb", "chair.glb", "noext", "noext"].map(|name| names.take(name));
        assert_eq!(given, ["chair.glb", "Chair (2).glb", "chair (2) (2).glb", "chair (3).glb", "noext", "noext (2)"]);
    }

    #[test]
    fn a_name_may_begin_with_a_files_id_or_be_it() {
        let id = FileId::from_random([1; 16]);
        for name in [format!("{id}"), format!("{id}.glb"), format!("{id}_model.glb")] {
            assert_eq!(leading_id(&name).as_ref(), Some(&id), "{name}");
        }
        for name in ["", "chair.glb", "model", &format!("{id}0"), &format!("x{id}.glb")] {
            assert_eq!(leading_id(name), None, "{name}");
        }
    }

    #[test]
    fn media_types_go_by_the_extension() {
        assert_eq!(media_type("a.GLB"), "model/gltf-binary");
        assert_eq!(media_type("a.fbx"), "application/octet-stream");
    }
}
