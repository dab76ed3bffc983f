//! Jobs and files as the scripts keep them (`scripts/read_job.lua`). Read-only here: the scripts are the only writers.

use std::collections::HashMap;

use crate::ids::{FileId, JobId};
use crate::queue::Priority;
use crate::script::{Replies, UnexpectedReply};
use crate::state::{FileStatus, JobStatus};

/// One consistent look at a job.
#[derive(Debug, Clone, PartialEq)]
pub struct JobRecord {
    /// Its id.
    pub id: JobId,
    /// Whose it is: the guard's `caller` when it was uploaded.
    pub tenant: String,
    /// SHA-256 of the key that uploaded it, in hex; empty when there was none.
    pub owner: String,
    /// How it stands.
    pub status: JobStatus,
    /// Percent; 100 only once it has ended.
    pub overall_progress: u8,
    /// Chosen provider.
    pub model: String,
    /// The client's options, a JSON object.
    pub options: String,
    /// Random, made with the job: tells event ids of this stream from those of a former one.
    pub epoch: String,
    /// Stream id of the newest event.
    pub last_event_id: String,
    /// Files that have a model, failed, were cancelled.
    pub completed: u32,
    /// See `completed`.
    pub failed: u32,
    /// See `completed`.
    pub cancelled: u32,
    /// The caller asked for it to be stopped.
    pub cancel_requested: bool,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// Milliseconds since 1970, once a worker has taken up the first file since the job was made, or put to work again.
    pub started_at: Option<i64>,
    /// Milliseconds since 1970.
    pub updated_at: i64,
    /// Milliseconds since 1970, once it has ended.
    pub ended_at: Option<i64>,
    /// Milliseconds since 1970: when it and its files are removed. Known once it has ended, or when it was only stored.
    pub expires_at: Option<i64>,
    /// The request that uploaded it.
    pub request_id: String,
    /// That request's place in its trace, as a `traceparent` header; empty when none is known.
    pub traceparent: String,
    /// What came of the newest call of its webhook, when there was or will be one.
    pub webhook: Option<WebhookRecord>,
    /// Signs the calls of its webhooks, when it has any. For its owner only.
    pub webhook_secret: Option<String>,
    /// In the order they were sent.
    pub files: Vec<FileRecord>,
}

/// How a job's owner was told, or is being told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookRecord {
    /// `pending`, `delivered` or `failed`.
    pub status: String,
    /// Calls made.
    pub attempts: u32,
    /// HTTP status of the last answer.
    pub response_status: Option<u16>,
    /// What went wrong last.
    pub error: Option<String>,
    /// Milliseconds since 1970, of the last call.
    pub updated_at: Option<i64>,
}

/// One image of a job and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct FileRecord {
    /// Its id.
    pub id: FileId,
    /// Sanitised name.
    pub filename: String,
    /// Bytes.
    pub size: u64,
    /// `image/jpeg` or `image/png`.
    pub content_type: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Key of the image in the blob store.
    pub blob: String,
    /// The file that it is made of anew, when it was not uploaded itself: a model was generated beside that one's.
    pub source: Option<FileId>,
    /// How it stands.
    pub status: FileStatus,
    /// Percent.
    pub progress: u8,
    /// A sentence on what is going on.
    pub message: String,
    /// Attempts that failed, of all times it was put in line.
    pub attempts: u32,
    /// Those of former times it was put in line: they do not count against its allowance.
    pub attempts_before: u32,
    /// How often it was put in line anew after it had ended. Its progress never goes backwards under one value of it.
    pub restarts: u32,
    /// Which of its tenant's files come first.
    pub priority: Priority,
    /// The one new request that policy allows after one that could not be found was granted, or sent.
    pub resubmitted: bool,
    /// The doubt (see `commands::IntendAnswer::Doubt`) that its owner was told of, and had it put in line all the same.
    pub doubt_accepted: Option<i64>,
    /// What its requests cost so far, in millionths of a dollar.
    pub cost_micro_usd: u64,
    /// Files ahead of it: in its tenant's line, or at the provider.
    pub queue_position: Option<u32>,
    /// URL that the image has at the provider, written before a submit.
    pub intent: Option<String>,
    /// The provider's endpoint that the submit was announced for.
    pub endpoint: Option<String>,
    /// The provider's request id, once known.
    pub fal_request_id: Option<String>,
    /// The model at the provider.
    pub model_url: Option<String>,
    /// Key of the model in the blob store, when it is kept here.
    pub model_blob: Option<String>,
    /// Name offered for download, `chair.glb`.
    pub model_name: Option<String>,
    /// Bytes.
    pub model_size: Option<u64>,
    /// Media type of the model.
    pub model_content_type: Option<String>,
    /// The same model in other formats, at the provider.
    pub alternates: Vec<Alternate>,
    /// The preview image at the provider.
    pub preview_url: Option<String>,
    /// Key of the preview in the blob store.
    pub preview_blob: Option<String>,
    /// Media type of the preview.
    pub preview_content_type: Option<String>,
    /// Why there is no model.
    pub error: Option<FileError>,
    /// Chosen provider.
    pub model: String,
    /// The client's options, a JSON object.
    pub options: String,
    /// The request that uploaded it.
    pub request_id: String,
    /// That request's place in its trace, as a `traceparent` header; empty when none is known.
    pub traceparent: String,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// Milliseconds since 1970: when a worker first took it up since it was put in line. Its deadline counts from here.
    pub first_claimed_at: Option<i64>,
    /// Milliseconds since 1970, by Redis, of the hold that is on it or was the last.
    pub claimed_at: Option<i64>,
    /// Milliseconds since 1970, of the submit, when there was one.
    pub intended_at: Option<i64>,
    /// Milliseconds since 1970: when it was put in line anew to follow a request that was given up before.
    pub resumed_at: Option<i64>,
    /// Milliseconds since 1970, once it has ended.
    pub ended_at: Option<i64>,
}

/// A model in another format than the one that is offered, `?format=obj`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Alternate {
    /// Extension without the dot.
    pub format: String,
    /// Where the provider keeps it.
    pub url: String,
    /// Bytes, when the provider says.
    pub size: Option<u64>,
}

/// Why a file has no model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileError {
    /// Stable code.
    pub code: String,
    /// A sentence for the client.
    pub message: String,
    /// Whether trying again may help.
    pub retryable: bool,
}

/// The fields of one hash, by name.
struct Fields<'a> {
    map: HashMap<String, String>,
    replies: &'a Replies,
}

impl Fields<'_> {
    fn text(&self, name: &str) -> String {
        self.map.get(name).cloned().unwrap_or_default()
    }

    fn optional(&self, name: &str) -> Option<String> {
        self.map.get(name).filter(|v| !v.is_empty()).cloned()
    }

    fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.map.get(name).and_then(|v| v.parse().ok())
    }

    fn required<T>(&self, name: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, UnexpectedReply> {
        self.map
            .get(name)
            .and_then(|v| parse(v))
            .ok_or_else(|| self.replies.unexpected(format!("field {name} is missing or unreadable")))
    }
}

impl JobRecord {
    /// Reads the reply of `read_job`; `None` when there is no such job.
    ///
    /// # Errors
    /// [`UnexpectedReply`] when it is not what the script promises.
    pub fn read(mut replies: Replies) -> Result<Option<Self>, UnexpectedReply> {
        if replies.is_empty() {
            return Ok(None);
        }
        let (last_event_id, owner, overall) = (replies.text()?, replies.text()?, replies.int()?);
        let map = replies.fields()?;
        let mut files = Vec::new();
        while !replies.is_empty() {
            let map = replies.fields()?;
            files.push(FileRecord::read(&Fields { map, replies: &replies })?);
        }
        let fields = Fields { map, replies: &replies };
        Ok(Some(Self {
            id: fields.required("id", |v| JobId::parse(v).ok())?,
            tenant: fields.text("tenant"),
            owner,
            status: fields.required("status", JobStatus::parse)?,
            overall_progress: u8::try_from(overall.clamp(0, 100)).unwrap_or_default(),
            model: fields.text("model"),
            options: fields.text("options"),
            epoch: fields.text("epoch"),
            last_event_id,
            completed: fields.number("completed").unwrap_or_default(),
            failed: fields.number("failed").unwrap_or_default(),
            cancelled: fields.number("cancelled").unwrap_or_default(),
            cancel_requested: fields.optional("cancel").is_some(),
            created_at: fields.number("created_at").unwrap_or_default(),
            started_at: fields.number("started_at"),
            updated_at: fields.number("updated_at").unwrap_or_default(),
            ended_at: fields.number("ended_at"),
            expires_at: fields.number("expires_at"),
            request_id: fields.text("request_id"),
            traceparent: fields.text("traceparent"),
            webhook: WebhookRecord::read(&fields),
            webhook_secret: fields.optional("webhook_secret"),
            files,
        }))
    }

    /// The file with this id.
    #[must_use]
    pub fn file(&self, id: &FileId) -> Option<&FileRecord> {
        self.files.iter().find(|f| f.id == *id)
    }

    /// Whether nothing goes on but waiting for another attempt: every file that has not ended has failed before and is in
    /// line again.
    #[must_use]
    pub fn is_retrying(&self) -> bool {
        let mut unfinished = self.files.iter().filter(|file| !file.status.is_terminal()).peekable();
        unfinished.peek().is_some() && unfinished.all(|file| file.status == FileStatus::Pending && file.attempts > 0)
    }
}

impl WebhookRecord {
    fn read(fields: &Fields<'_>) -> Option<Self> {
        Some(Self {
            status: fields.optional("webhook_status")?,
            attempts: fields.number("webhook_attempts").unwrap_or_default(),
            response_status: fields.number("webhook_response_status").filter(|status| *status != 0),
            error: fields.optional("webhook_error"),
            updated_at: fields.number("webhook_updated_at"),
        })
    }
}

impl FileRecord {
    fn read(fields: &Fields<'_>) -> Result<Self, UnexpectedReply> {
        let error = fields.optional("error_code").map(|code| FileError {
            code,
            message: fields.text("error_message"),
            retryable: fields.text("error_retryable") == "1",
        });
        let status = fields.required("status", FileStatus::parse)?;
        Ok(Self {
            id: fields.required("id", |v| FileId::parse(v).ok())?,
            filename: fields.text("filename"),
            size: fields.number("size").unwrap_or_default(),
            content_type: fields.text("content_type"),
            width: fields.number("width").unwrap_or_default(),
            height: fields.number("height").unwrap_or_default(),
            blob: fields.text("blob"),
            source: FileId::parse(&fields.text("source")).ok(),
            status,
            progress: fields.number("progress").unwrap_or_default(),
            message: fields.text("message"),
            attempts: fields.number("attempts").unwrap_or_default(),
            attempts_before: fields.number("attempts_before").unwrap_or_default(),
            restarts: fields.number("restarts").unwrap_or_default(),
            priority: Priority::parse(&fields.text("priority")).unwrap_or_default(),
            resubmitted: fields.optional("resubmitted").is_some(),
            doubt_accepted: fields.number("doubt_accepted"),
            cost_micro_usd: fields.number("cost_micro_usd").unwrap_or_default(),
            queue_position: fields.number("waiting_position").or_else(|| fields.number("queue_position")),
            intent: fields.optional("intent"),
            endpoint: fields.optional("endpoint"),
            fal_request_id: fields.optional("fal_request_id"),
            model_url: fields.optional("model_url"),
            model_blob: fields.optional("model_blob"),
            model_name: fields.optional("model_name"),
            model_size: fields.number("model_size"),
            model_content_type: fields.optional("model_content_type"),
            alternates: serde_json::from_str(&fields.text("alternates")).unwrap_or_default(),
            preview_url: fields.optional("preview_url"),
            preview_blob: fields.optional("preview_blob"),
            preview_content_type: fields.optional("preview_content_type"),
            // An error that a later attempt made good, or that a cancel came after, is history.
            error: error.filter(|_| !matches!(status, FileStatus::Completed | FileStatus::Cancelled)),
            model: fields.text("model"),
            options: fields.text("options"),
            request_id: fields.text("request_id"),
            traceparent: fields.text("traceparent"),
            created_at: fields.number("created_at").unwrap_or_default(),
            first_claimed_at: fields.number("first_claimed_at"),
            claimed_at: fields.number("claimed_at"),
            intended_at: fields.number("intended_at"),
            resumed_at: fields.number("resumed_at"),
            ended_at: fields.number("ended_at"),
        })
    }
}
