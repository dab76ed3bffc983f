//! `POST /upload`, `/upload/batch`, `/upload/image`: takes the form in, writes its metadata, makes the job.
//!
//! Until the job is made, every way out removes what was stored and reads on for a while, so that the client hears why. An upload that
//! is repeated under its `Idempotency-Key` takes no room: it is answered even when there is none for a new one.

use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, TryStreamExt};
use image2model_domain::commands::{CreateJob, CreateOutcome, HasRoom, NewFile, ReadJob, Recall, Recalled};
use image2model_domain::{JobId, Problem, access_token};
use image2model_kit::{Context, Failure, Reply, blobs, clock, log, random_bits, redis, reply};
use serde_json::{Value, json};

use super::models;
use super::services::Host;
use super::settings::Settings;
use super::watch::watched;
use super::webhook;
use crate::answer::{self, ListedFile};
use crate::idempotency;
use crate::intake::{Intake, IntakeError, Paced, Received, StoredImage, StreamFault, metadata};

/// Attempts that a file gets before it has failed.
const MAX_ATTEMPTS: u32 = 3;

/// How long a job may be renewed, by retries and models made anew, before its access token ends: ten years.
const LONGEST_RENEWED: u64 = 10 * 366 * 86_400;

/// A refused client that sends nothing for so long is answered.
const PAUSE: Duration = Duration::from_millis(500);

/// Many files.
pub(super) async fn upload(context: Context) -> Result<Reply, Failure> {
    let settings = Settings::read().await?;
    receive(context, settings, false).await
}

/// One file.
pub(super) async fn upload_image(context: Context) -> Result<Reply, Failure> {
    let mut settings = Settings::read().await?;
    settings.limits.max_files = 1;
    receive(context, settings, true).await
}

async fn receive(mut context: Context, settings: Settings, of_one: bool) -> Result<Reply, Failure> {
    let body = context.take_body().map_err(|_| StreamFault::Gone);
    let mut body = Paced::new(body, settings.limits.max_total_bytes());
    let (watch, patience) = (body.watch(), settings.patience);
    let upload = Upload { job: JobId::from_random(random_bits()), context, settings, of_one };
    let taking = async {
        let outcome = upload.take(&mut body).await;
        if let Err(Refusal { nothing_kept: true, .. }) = &outcome {
            upload.discard().await;
            // A client that waits for leave to send has been told no; asking for the body would give it leave.
            if !(body.is_untouched() && upload.context.header("expect").is_some()) {
                // Nor is there anything to read of a client that has fallen silent.
                let watch = body.watch();
                watched(body.read_on(), watch, PAUSE).await;
            }
        }
        outcome
    };
    watched(taking, watch, patience).await.map_err(|refusal| refusal.failure)
}

/// Why an upload did not become a job.
struct Refusal {
    failure: Failure,
    /// False when the job may exist even so: then its images have to stay.
    nothing_kept: bool,
}

impl<E: Into<Failure>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self { failure: error.into(), nothing_kept: true }
    }
}

/// The job that an upload became, now or earlier.
struct Accepted<'a> {
    job: &'a JobId,
    made_at_ms: i64,
    files: &'a [ListedFile],
    webhook_secret: Option<String>,
}

struct Upload {
    job: JobId,
    context: Context,
    settings: Settings,
    /// The route takes one file, and answers about it.
    of_one: bool,
}

impl Upload {
    async fn take<B>(&self, body: &mut Paced<B>) -> Result<Reply, Refusal>
    where
        B: Stream<Item = Result<Bytes, StreamFault>> + Send + Unpin,
    {
        let key = idempotency::key(&self.context.headers)?;
        let former = self.check_before(key).await?;
        let intake = Intake {
            services: &Host,
            limits: self.settings.limits,
            job: self.job.clone(),
            digests: key.is_some(),
            stores: former.is_none(),
        };
        let content_type = self.context.header("content-type").unwrap_or_default();
        let mut received = intake.receive(content_type, body).await.map_err(|error| self.problem(&error))?;
        let model = self.model(received.fields.model.as_deref()).await?;
        if !received.fields.further.is_empty() {
            let schema = models::about(&model).await?.options;
            received.fields.complete(&schema).map_err(|error| self.problem(&error))?;
        }
        let webhook = webhook::accepted(&self.context, received.fields.webhook_url.as_deref()).await?;
        if let Some(former) = former {
            return self.repeat(&former, &received, &model).await;
        }
        self.write_metadata(&received, &model).await?;
        self.make_job(received, model, webhook, key).await
    }

    /// What can be refused before the first file was read. Where there is no room, what was made under the key before.
    async fn check_before(&self, key: Option<&str>) -> Result<Option<Recalled>, Failure> {
        let max = self.settings.limits.max_total_bytes();
        let announced = self.context.header("content-length").and_then(|length| length.parse::<u64>().ok());
        if announced.is_some_and(|length| length > max) {
            return Err(IntakeError::Stream(StreamFault::TooLarge { max }).problem().into());
        }
        let room = HasRoom { tenant: &self.context.caller, max_waiting: self.settings.max_queued_files };
        let full = if !redis::run(&room).await? {
            Problem::queue_full()
        } else if !blobs::takes_uploads().await {
            Problem::storage_full()
        } else {
            return Ok(None);
        };
        match key {
            Some(key) => {
                let former = redis::run(&Recall { tenant: &self.context.caller, key }).await?;
                former.map(Some).ok_or_else(|| full.into())
            }
            None => Err(full.into()),
        }
    }

    /// Answers with what was made under the key, when it was made of the same.
    async fn repeat(&self, former: &Recalled, received: &Received, model: &str) -> Result<Reply, Refusal> {
        if former.generated || former.digest != idempotency::body_digest(received, model) {
            return Err(conflict().into());
        }
        self.replay(&former.job, former.created_at_ms, received).await
    }

    fn problem(&self, error: &IntakeError) -> Problem {
        if let IntakeError::Store(why) = error {
            log::error(
                "upload not stored",
                &json!({ "request_id": self.context.request_id, "error": why.to_string() }),
            );
        }
        error.problem()
    }

    /// The chosen provider, which some worker has to know.
    async fn model(&self, named: Option<&str>) -> Result<String, Failure> {
        match named {
            Some(named) if named != self.settings.default_model => {
                if redis::hget(&redis::keys().await?.providers(), named).await?.is_none() {
                    let detail = format!("model: {named} is not installed here; see GET /api/v1/models/available.");
                    let problem = Problem::new(422, "VALIDATION_ERROR", detail);
                    return Err(problem.with_details(json!({ "field": "model" })).into());
                }
                Ok(named.to_owned())
            }
            _ => Ok(self.settings.default_model.clone()),
        }
    }

    async fn write_metadata(&self, received: &Received, model: &str) -> Result<(), Failure> {
        let content = metadata(&self.job, received, model, &self.context.request_id, clock::now_ms());
        let content = Bytes::from(serde_json::to_vec_pretty(&content)?);
        let key = format!("uploads/{}/metadata.json", self.job);
        blobs::put(&key, "application/json", futures::stream::iter([Ok(content)])).await?;
        Ok(())
    }

    async fn make_job(
        &self,
        received: Received,
        model: String,
        webhook: Option<(String, String)>,
        key: Option<&str>,
    ) -> Result<Reply, Refusal> {
        let secret = webhook.as_ref().map(|(_, secret)| secret.clone());
        let command = CreateJob {
            job: self.job.clone(),
            tenant: self.context.caller.clone(),
            owner: self.context.key_hash.clone().unwrap_or_default(),
            ttl_seconds: self.settings.job_ttl_seconds,
            idempotency: key.map(|key| (key.to_owned(), idempotency::body_digest(&received, &model))),
            max_waiting: self.settings.max_queued_files,
            max_attempts: MAX_ATTEMPTS,
            epoch: JobId::from_random(random_bits()).as_str().to_owned(),
            request_id: self.context.request_id.clone(),
            traceparent: self.context.trace.to_string(),
            options: received.fields.options.to_json(),
            model,
            process: received.fields.process,
            priority: received.fields.priority,
            webhook,
            files: received.images.iter().map(new_file).collect(),
        };
        // When no answer comes, the job may have been made all the same.
        let made = redis::run(&command).await;
        let made = made.map_err(|error| Refusal { failure: error.into(), nothing_kept: false })?;
        match made.outcome {
            // `Exists` is this very job: the call was repeated after its first answer was lost.
            CreateOutcome::Created | CreateOutcome::Exists => {
                let files: Vec<ListedFile> = received.images.iter().map(ListedFile::from).collect();
                let accepted =
                    Accepted { job: &self.job, made_at_ms: made.created_at_ms, files: &files, webhook_secret: secret };
                Ok(self.accepted(accepted, &received)?)
            }
            CreateOutcome::Replayed => self.replay(&made.job, made.created_at_ms, &received).await,
            CreateOutcome::Conflict => Err(conflict().into()),
            CreateOutcome::QueueFull => Err(Problem::queue_full().into()),
        }
    }

    /// The same upload was made before: what was stored now goes, the earlier job is answered.
    async fn replay(&self, job: &JobId, made_at_ms: i64, received: &Received) -> Result<Reply, Refusal> {
        let Some(record) = redis::run(&ReadJob(job)).await.map_err(Failure::from)? else {
            return Err(Problem::unavailable("The job of this Idempotency-Key was just deleted; try again.").into());
        };
        self.discard().await;
        let files = ListedFile::of_job(&record);
        let accepted = Accepted { job, made_at_ms, files: &files, webhook_secret: record.webhook_secret };
        Ok(self.accepted(accepted, received)?)
    }

    fn accepted(&self, accepted: Accepted<'_>, received: &Received) -> Result<Reply, Failure> {
        let Accepted { job, made_at_ms, files, webhook_secret } = accepted;
        let (token, fields) = (self.access_token(job, made_at_ms), &received.fields);
        let mut body: Value = answer::accepted(job, files, &fields.options, token.as_deref(), fields.process);
        if let (Some(secret), Some(body)) = (webhook_secret, body.as_object_mut()) {
            body.insert("webhook_secret".to_owned(), secret.into());
        }
        if let (true, [file]) = (self.of_one, files) {
            answer::tell_of_one(&mut body, file);
        }
        let mut reply = reply::json(200, &body)?;
        reply::insert(&mut reply, "location", &format!("/api/v1/status/{job}"));
        Ok(reply)
    }

    /// Good for as long as the job is kept, which nobody knows yet: what is retried or generated anew begins the job's time to
    /// live again. So its own end is one that no job sees; when the job is gone, the guard finds none that a token could open.
    /// Counted from when the job was made, so that a repeated upload is answered with the same token.
    fn access_token(&self, job: &JobId, made_at_ms: i64) -> Option<String> {
        let Settings { token_secret, job_ttl_seconds, .. } = &self.settings;
        let made_at = u64::try_from(made_at_ms / 1000).unwrap_or_default();
        let kept = job_ttl_seconds.saturating_mul(2).saturating_add(LONGEST_RENEWED);
        token_secret.as_deref().map(|secret| access_token::issue(secret, job, made_at.saturating_add(kept)))
    }

    /// Removes what was stored of this upload. What cannot be removed now is swept up later, as no job names it.
    async fn discard(&self) {
        if let Err(error) = blobs::delete(&format!("uploads/{}/", self.job)).await {
            let fields =
                json!({ "request_id": self.context.request_id, "job_id": self.job, "error": error.to_string() });
            log::warn("refused upload not removed", &fields);
        }
    }
}

fn new_file(image: &StoredImage) -> NewFile {
    NewFile {
        id: image.id.clone(),
        filename: image.filename.clone(),
        size: image.facts.bytes,
        content_type: image.facts.kind.content_type().to_owned(),
        width: image.facts.width,
        height: image.facts.height,
        blob: image.key.clone(),
    }
}

fn conflict() -> Problem {
    Problem::new(409, "IDEMPOTENCY_CONFLICT", "This Idempotency-Key was used for something else.")
}
