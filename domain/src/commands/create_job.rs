//! An upload becomes a job: all or nothing.

use super::script;
use crate::file_name::in_any_case;
use crate::ids::{FileId, JobId};
use crate::keys::Keyspace;
use crate::queue::Priority;
use crate::script::{Arg, Call, Command, Replies, UnexpectedReply};

/// One stored and inspected image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFile {
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
    /// Key in the blob store.
    pub blob: String,
}

/// Makes a job, its files, its owner, its queue entries and its first event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateJob {
    /// Its id.
    pub job: JobId,
    /// The guard's `caller`.
    pub tenant: String,
    /// SHA-256 of the presented key in hex, or empty.
    pub owner: String,
    /// How long everything is kept after the job has ended, seconds.
    pub ttl_seconds: u64,
    /// `Idempotency-Key` and a digest of what was sent, when the client gave one.
    pub idempotency: Option<(String, String)>,
    /// Refuse when more files than this would wait.
    pub max_waiting: u64,
    /// Attempts a file gets.
    pub max_attempts: u32,
    /// Random text that tells this job's event stream from any other.
    pub epoch: String,
    /// The request that uploads it.
    pub request_id: String,
    /// Its place in its trace, as a `traceparent` header.
    pub traceparent: String,
    /// The client's options, a JSON object.
    pub options: String,
    /// Chosen provider.
    pub model: String,
    /// `false` only stores the images.
    pub process: bool,
    /// Which of the tenant's files come first.
    pub priority: Priority,
    /// URL to call when the job has ended, and the secret that signs the call.
    pub webhook: Option<(String, String)>,
    /// In the order they were sent.
    pub files: Vec<NewFile>,
}

/// What became of the upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreateOutcome {
    /// The job is made.
    Created,
    /// The same upload was made before under this idempotency key: the reply names that job.
    Replayed,
    /// The idempotency key was used for another upload, or to generate a model.
    Conflict,
    /// Too many files are waiting.
    QueueFull,
    /// The id is taken: the same call was sent before, and its answer was lost.
    Exists,
}

/// The reply to [`CreateJob`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// What became of it.
    pub outcome: CreateOutcome,
    /// The job that the caller is to be told of.
    pub job: JobId,
    /// Files waiting now, over all tenants.
    pub waiting: u64,
    /// When that job was made, ms since 1970.
    pub created_at_ms: i64,
}

/// What a name is found by, when that is more than Redis can make of it: it knows the letters of ASCII only.
fn name_to_find(name: &str) -> String {
    if name.is_ascii() { String::new() } else { in_any_case(name) }
}

impl Command for CreateJob {
    type Reply = Created;

    fn call(&self, keys: &Keyspace) -> Call {
        let (key, body) = self.idempotency.as_ref().map_or(("", ""), |(k, b)| (k.as_str(), b.as_str()));
        let mut args: Vec<Arg> = vec![
            (&self.tenant).into(),
            self.job.as_str().into(),
            (&self.owner).into(),
            self.ttl_seconds.into(),
            key.into(),
            body.into(),
            self.max_waiting.into(),
            self.max_attempts.into(),
            (&self.epoch).into(),
            (&self.request_id).into(),
            (&self.traceparent).into(),
            (&self.options).into(),
            (&self.model).into(),
            self.process.into(),
            self.files.len().into(),
        ];
        for file in &self.files {
            args.extend([
                Arg::from(file.id.as_str()),
                (&file.filename).into(),
                file.size.into(),
                (&file.content_type).into(),
                file.width.into(),
                file.height.into(),
                (&file.blob).into(),
                name_to_find(&file.filename).into(),
            ]);
        }
        let (url, secret) = self.webhook.as_ref().map_or(("", ""), |(url, secret)| (url.as_str(), secret.as_str()));
        args.extend([Arg::from(url), secret.into(), self.priority.as_str().into()]);
        Call::new(script!("create_job", [queue, ending]), keys, args)
    }

    fn read(&self, mut replies: Replies) -> Result<Created, UnexpectedReply> {
        let outcome = match replies.text()?.as_str() {
            "created" => CreateOutcome::Created,
            "replayed" => CreateOutcome::Replayed,
            "conflict" => CreateOutcome::Conflict,
            "queue_full" => CreateOutcome::QueueFull,
            "exists" => CreateOutcome::Exists,
            other => return Err(replies.unexpected(format!("unknown outcome {other:?}"))),
        };
        let job = replies.text()?;
        let job = JobId::parse(&job).map_err(|_| replies.unexpected("a job id was expected"))?;
        replies.text()?;
        let waiting = u64::try_from(replies.int()?).unwrap_or_default();
        Ok(Created { outcome, job, waiting, created_at_ms: replies.int()? })
    }
}
