//! One stored image is made into a model, for the first time or anew (`POST /models/generate-single`).

use super::script;
use crate::ids::{FileId, JobId};
use crate::keys::Keyspace;
use crate::queue::Priority;
use crate::script::{Arg, Call, Command, Replies, UnexpectedReply};

/// Has a model made of a stored image. A stored or failed file is put in line itself; beside a completed one a new file of
/// the same image is, so that the model that was paid for stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenerateFile<'a> {
    /// The job.
    pub job: &'a JobId,
    /// The guard's `caller` that asks; not always whose job it is.
    pub caller: &'a str,
    /// Its file.
    pub file: &'a FileId,
    /// Id for the new file, should one be made.
    pub new_file: &'a FileId,
    /// Options, a JSON object.
    pub options: &'a str,
    /// Chosen provider.
    pub model: &'a str,
    /// Refuse when more files than this would wait.
    pub max_waiting: u64,
    /// Refuse to make a job larger than this.
    pub max_files: u32,
    /// Called when the file has ended.
    pub webhook: Option<Webhook<'a>>,
    /// `Idempotency-Key` and a digest of what was sent.
    pub idempotency: Option<(&'a str, &'a str)>,
    /// The request that asks for it.
    pub request_id: &'a str,
    /// Its place in its trace, as a `traceparent` header.
    pub traceparent: &'a str,
    /// Which of the tenant's files come first.
    pub priority: Priority,
}

/// Whom to call, and what signs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Webhook<'a> {
    /// Where to.
    pub url: &'a str,
    /// Used unless the job has one already.
    pub secret: &'a str,
}

/// What came of [`GenerateFile`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GenerateOutcome {
    /// A file is in line.
    Queued(Generating),
    /// The request that it has at the provider already is followed.
    Resumed(Generating),
    /// The same was asked before under this idempotency key.
    Replayed(Generating),
    /// There is no such job.
    NotFound,
    /// The job has no such file.
    UnknownFile,
    /// The job was cancelled as a whole, or erased; its images are gone.
    Cancelled,
    /// The job was cancelled and has not ended yet.
    JobEnding,
    /// This file was cancelled; its image is gone.
    FileCancelled,
    /// A model of it is being made.
    Busy,
    /// It has a request at the provider that may still give a model, with other options.
    Unresolved,
    /// Too many files are waiting.
    QueueFull,
    /// The job has as many files as it may have.
    TooManyFiles,
    /// The idempotency key was used for something else.
    Conflict,
}

/// A file that a model is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generating {
    /// The file asked for, or the new one.
    pub file: FileId,
    /// Signs the job's webhooks; empty when it has none.
    pub webhook_secret: String,
}

impl Command for GenerateFile<'_> {
    type Reply = GenerateOutcome;

    fn call(&self, keys: &Keyspace) -> Call {
        let (key, digest) = self.idempotency.unwrap_or_default();
        let (url, secret) = self.webhook.map_or(("", ""), |webhook| (webhook.url, webhook.secret));
        let args = [
            Arg::from(self.job.as_str()),
            self.file.as_str().into(),
            self.new_file.as_str().into(),
            self.options.into(),
            self.model.into(),
            self.max_waiting.into(),
            self.max_files.into(),
            url.into(),
            secret.into(),
            key.into(),
            digest.into(),
            self.request_id.into(),
            self.traceparent.into(),
            self.priority.as_str().into(),
            self.caller.into(),
        ];
        Call::new(script!("generate_file", [queue, ending]), keys, args)
    }

    fn read(&self, mut replies: Replies) -> Result<GenerateOutcome, UnexpectedReply> {
        let word = replies.text()?;
        let mut generating = || {
            let (file, webhook_secret) = (replies.text()?, replies.text()?);
            let file = FileId::parse(&file).map_err(|_| replies.unexpected("a file id was expected"))?;
            Ok(Generating { file, webhook_secret })
        };
        Ok(match word.as_str() {
            "queued" => GenerateOutcome::Queued(generating()?),
            "resumed" => GenerateOutcome::Resumed(generating()?),
            "replayed" => GenerateOutcome::Replayed(generating()?),
            "not_found" => GenerateOutcome::NotFound,
            "unknown_file" => GenerateOutcome::UnknownFile,
            "cancelled" => GenerateOutcome::Cancelled,
            "ending" => GenerateOutcome::JobEnding,
            "file_cancelled" => GenerateOutcome::FileCancelled,
            "busy" => GenerateOutcome::Busy,
            "unresolved" => GenerateOutcome::Unresolved,
            "queue_full" => GenerateOutcome::QueueFull,
            "too_many_files" => GenerateOutcome::TooManyFiles,
            "conflict" => GenerateOutcome::Conflict,
            other => return Err(replies.unexpected(format!("unknown outcome {other:?}"))),
        })
    }
}
