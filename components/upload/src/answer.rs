//! What the client of an upload is told, in the original system's words beside the newer ones.

use image2model_domain::options::Options;
use image2model_domain::record::JobRecord;
use image2model_domain::{FileId, JobId, view};
use serde_json::{Value, json};

use crate::intake::StoredImage;

/// One file of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedFile {
    id: FileId,
    filename: String,
    size: u64,
    content_type: String,
    width: u32,
    height: u32,
}

impl From<&StoredImage> for ListedFile {
    fn from(image: &StoredImage) -> Self {
        Self {
            id: image.id.clone(),
            filename: image.filename.clone(),
            size: image.facts.bytes,
            content_type: image.facts.kind.content_type().to_owned(),
            width: image.facts.width,
            height: image.facts.height,
        }
    }
}

impl ListedFile {
    /// The files that a job was made of earlier. What was generated beside them since was not uploaded.
    #[must_use]
    pub fn of_job(job: &JobRecord) -> Vec<Self> {
        let listed = |file: &image2model_domain::record::FileRecord| Self {
            id: file.id.clone(),
            filename: file.filename.clone(),
            size: file.size,
            content_type: file.content_type.clone(),
            width: file.width,
            height: file.height,
        };
        job.files.iter().filter(|file| file.source.is_none()).map(listed).collect()
    }

    fn json(&self, status: &str) -> Value {
        json!({
            "file_id": self.id,
            "filename": self.filename,
            "file_size": self.size,
            "content_type": self.content_type,
            "width": self.width,
            "height": self.height,
            "status": status,
            "task_id": self.id.as_task_id(),
        })
    }
}

/// The whole answer. `status` is that of the job as it was made.
#[must_use]
pub fn accepted(
    job: &JobId,
    files: &[ListedFile],
    options: &Options,
    access_token: Option<&str>,
    process: bool,
) -> Value {
    let list = |status: &str| files.iter().map(|file| file.json(status)).collect::<Vec<_>>();
    let noun = if files.len() == 1 { "file" } else { "files" };
    let next = if process { "uploaded and queued" } else { "stored" };
    json!({
        "job_id": job,
        "batch_id": job,
        "session_id": job,
        "task_id": job.as_task_id(),
        "access_token": access_token,
        "status": "pending",
        "total_files": files.len(),
        "face_limit": options.face_limit(),
        "files": list("pending"),
        "uploaded_files": list("uploaded"),
        "message": format!("{} {noun} {next}", files.len()),
        "links": view::links(job),
    })
}

/// Adds what the original's clients read of an upload of one file: what it is, beside the job's fields.
pub fn tell_of_one(answer: &mut Value, file: &ListedFile) {
    let told = ["file_id", "filename", "file_size", "content_type"];
    if let (Value::Object(answer), Value::Object(file)) = (answer, file.json("pending")) {
        answer.extend(file.into_iter().filter(|(name, _)| told.contains(&name.as_str())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image2model_domain::Keyspace;
    use image2model_domain::commands::ReadJob;
    use image2model_domain::script::{Command, Replies, Value as Word};

    fn chair() -> ListedFile {
        ListedFile {
            id: FileId::from_random([1; 16]),
            filename: "chair.jpg".to_owned(),
            size: 9,
            content_type: "image/jpeg".to_owned(),
            width: 48,
            height: 40,
        }
    }

    #[test]
    fn has_what_old_and_new_clients_read() {
        let job = JobId::from_random([0xab; 16]);
        let answer = accepted(&job, &[chair()], &Options::default(), None, true);
        assert_eq!(answer.get("file_id"), None, "of many files there is not one");
        assert_eq!(answer["job_id"], answer["batch_id"]);
        assert_eq!(answer["task_id"], "abababab-abab-abab-abab-abababababab");
        assert_eq!(answer["files"][0]["status"], "pending");
        assert_eq!(answer["uploaded_files"][0]["status"], "uploaded");
        assert_eq!(answer["face_limit"], Value::Null);
        assert_eq!(answer["message"], "1 file uploaded and queued");
        assert_eq!(answer["links"]["self"], format!("/api/v1/status/{job}"));
    }

    #[test]
    fn what_was_generated_since_was_not_uploaded() {
        let (job, file, copy) = (JobId::from_random([1; 16]), "11".repeat(16), "22".repeat(16));
        let words = |words: &[&str]| words.iter().map(|word| Word::Bytes(word.as_bytes().to_vec())).collect::<Vec<_>>();
        let reply = [
            words(&["1-0", "", "100", "2", "id", job.as_str(), "status", "completed"]),
            words(&["2", "id", &file, "status", "completed"]),
            words(&["3", "id", &copy, "status", "completed", "source", &file]),
        ];
        let command = ReadJob(&job);
        let replies = Replies::new(command.call(&Keyspace::single()).script, reply.concat());
        let listed = ListedFile::of_job(&command.read(replies).unwrap().unwrap());
        assert_eq!(listed.iter().map(|file| file.id.as_str()).collect::<Vec<_>>(), [file.as_str()]);
    }

    #[test]
    fn an_upload_of_one_file_tells_of_it_beside_the_job() {
        let job = JobId::from_random([0xab; 16]);
        let mut answer = accepted(&job, &[chair()], &Options::default(), None, true);
        tell_of_one(&mut answer, &chair());
        for name in ["file_id", "filename", "file_size", "content_type"] {
            assert_eq!(answer[name], answer["files"][0][name], "{name}");
        }
        assert_eq!((&answer["status"], &answer["task_id"]), (&json!("pending"), &json!(job.as_task_id())));
    }
}
