//! `POST /models/generate-single` and `/models/generate`: has a model made of an image that is stored already.
//!
//! A file that was only stored, or that failed, is generated itself. Beside one that has its model already, a new file of the
//! same image is made in the same job, so that a model that was paid for stays until its job goes.

use image2model_domain::commands::{GenerateFile, GenerateOutcome, Generating, Webhook};
use image2model_domain::options::{InvalidOption, Options};
use image2model_domain::record::{FileRecord, JobRecord};
use image2model_domain::{FileId, JobId, Problem, view};
use image2model_kit::{Context, Failure, Reply, config, jobs, random_bits, redis, reply};
use serde_json::{Map, Value, json};

use super::models::{self, About};
use super::webhook;
use crate::generation::{Asked, Original, Wish};
use crate::idempotency;

/// Longest body, bytes.
const MAX_BODY: usize = 64 * 1024;
/// Files that a job may grow to.
const MAX_FILES: u32 = 100;

/// `{job_id, file_id, model?, webhook_url?, …options}`.
pub(super) async fn single(mut context: Context) -> Result<Reply, Failure> {
    let body: Map<String, Value> = context.json(MAX_BODY).await?;
    let asked = Asked::read(body).map_err(|e| invalid(&e))?;
    context.authorise(&asked.job).await?;
    let job = jobs::read(&asked.job).await?;
    let file = job.file(&asked.file).ok_or_else(Problem::file_not_found)?;
    let model = model(asked.wish.model.as_deref(), file).await?;
    let about = models::about(&model).await?;
    generate(&context, &job, file, model, &about, asked.wish).await
}

/// `{file_id, model_type, quality, texture_enabled}`.
pub(super) async fn original(mut context: Context) -> Result<Reply, Failure> {
    let body: Map<String, Value> = context.json(MAX_BODY).await?;
    let asked = Original::read(body).map_err(|e| invalid(&e))?;
    let job = jobs::of_file(&asked.file).await?.ok_or_else(Problem::file_not_found)?;
    context.authorise(&job).await?;
    let job = jobs::read(&job).await?;
    let file = job.file(&asked.file).ok_or_else(Problem::file_not_found)?;
    let model = model(asked.model(), file).await?;
    let about = models::about(&model).await?;
    let wish = asked.wish(&about.options);
    generate(&context, &job, file, model, &about, wish).await
}

async fn generate(
    context: &Context,
    job: &JobRecord,
    file: &FileRecord,
    model: String,
    about: &About,
    wish: Wish,
) -> Result<Reply, Failure> {
    let key = idempotency::key(&context.headers)?;
    let own = if model == file.model { Options::from_json(&file.options) } else { Options::default() };
    let options = wish.over(own, &about.options).map_err(|e| invalid(&e))?.to_json();
    let webhook = webhook::accepted(context, wish.webhook_url.as_deref()).await?;
    let digest = wish.digest(&file.id);
    let command = GenerateFile {
        job: &job.id,
        caller: &context.caller,
        file: &file.id,
        new_file: &FileId::from_random(random_bits()),
        options: &options,
        model: &model,
        max_waiting: config::number("max_queued_files").await?,
        max_files: MAX_FILES,
        webhook: webhook.as_ref().map(|(url, secret)| Webhook { url, secret }),
        idempotency: key.map(|key| (key, digest.as_str())),
        request_id: &context.request_id,
        traceparent: &context.trace.to_string(),
        priority: wish.priority,
    };
    let outcome = redis::run(&command).await?;
    let (generating, resumed) = queued(outcome)?;
    let mut answer = reply::json(202, &body(&job.id, &file.id, &generating, resumed, about))?;
    reply::insert(&mut answer, "location", &format!("/api/v1/status/{}", job.id));
    Ok(answer)
}

fn queued(outcome: GenerateOutcome) -> Result<(Generating, bool), Problem> {
    let conflict = |code: &str, detail: &str| Err(Problem::new(409, code, detail));
    match outcome {
        GenerateOutcome::Queued(generating) | GenerateOutcome::Replayed(generating) => Ok((generating, false)),
        GenerateOutcome::Resumed(generating) => Ok((generating, true)),
        GenerateOutcome::NotFound => Err(Problem::job_not_found()),
        GenerateOutcome::UnknownFile => Err(Problem::file_not_found()),
        GenerateOutcome::Cancelled => {
            conflict("JOB_CANCELLED", "The job was cancelled, and its images are gone; upload them again.")
        }
        GenerateOutcome::JobEnding => {
            conflict("JOB_CANCELLED", "The job is being cancelled; ask again once it has ended.")
        }
        GenerateOutcome::FileCancelled => {
            conflict("JOB_CANCELLED", "This file was cancelled, and its image is gone; upload it again.")
        }
        GenerateOutcome::Busy => conflict("FILE_BUSY", "A model of this file is being made already."),
        GenerateOutcome::Unresolved => conflict(
            "REQUEST_UNRESOLVED",
            "The provider may still have a request for this file, with other options. Retry that one first.",
        ),
        GenerateOutcome::QueueFull => Err(Problem::queue_full()),
        GenerateOutcome::TooManyFiles => conflict("TOO_MANY_FILES", "The job has as many files as it may have."),
        GenerateOutcome::Conflict => {
            conflict("IDEMPOTENCY_CONFLICT", "This Idempotency-Key was used for something else.")
        }
    }
}

fn body(job: &JobId, asked: &FileId, generating: &Generating, resumed: bool, about: &About) -> Value {
    let Generating { file, webhook_secret } = generating;
    json!({
        "job_id": job,
        "file_id": file,
        "source_file_id": asked,
        "model_task_id": file.as_task_id(),
        "status": "pending",
        "resumed": resumed,
        // The original's word, in seconds.
        "estimated_time": about.typical_seconds,
        "webhook_secret": (!webhook_secret.is_empty()).then_some(webhook_secret),
        "message": if file == asked { "The file is in line" } else { "A new file of the same image is in line" },
        "links": view::links(job),
    })
}

fn invalid(error: &InvalidOption) -> Problem {
    Problem::invalid(&error.name, error.to_string())
}

/// The model named, else the file's own; one that is not installed is refused with those that are.
async fn model(named: Option<&str>, file: &FileRecord) -> Result<String, Failure> {
    let wanted = match named {
        Some("default") => config::text("default_model").await?.to_string(),
        Some(named) => named.to_owned(),
        None => file.model.clone(),
    };
    let installed = models::installed().await?;
    if named.is_none() || installed.contains(&wanted) {
        return Ok(wanted);
    }
    let detail = format!("model: must be one of {}", installed.join(", "));
    let problem = Problem::new(422, "VALIDATION_ERROR", detail);
    Err(problem.with_details(json!({ "field": "model", "allowed": installed })).into())
}
