//! `…/{file_id}/model`, `/preview`, `/original`, `/thumbnail`: what belongs to one file.

use image2model_domain::record::{FileRecord, JobRecord};
use image2model_domain::{FileStatus, Problem, file_name};
use image2model_kit::{Context, Failure, Reply, blobs, config, log, reply};
use serde_json::json;

use super::served::Served;
use crate::hosts;
use crate::results::{Place, media_type, models, preview_of};

/// The model.
pub(super) async fn model(context: Context) -> Result<Reply, Failure> {
    let job = super::job(&context).await?;
    model_of(&context, &job, super::file(&context, &job)?).await
}

/// The model of a file, in the format that is asked for.
pub(super) async fn model_of(context: &Context, job: &JobRecord, file: &FileRecord) -> Result<Reply, Failure> {
    let Some(result) = models(job).into_iter().find(|result| result.file.id == file.id) else {
        return Err(not_finished(file).into());
    };
    let Some(offer) = result.offer(context.query.get("format")) else {
        let formats = result.formats();
        let detail = format!("This model can be had as {} only.", formats.join(" or "));
        let problem = Problem::new(404, "FORMAT_NOT_AVAILABLE", detail);
        return Err(problem.with_details(json!({ "formats": formats })).into());
    };
    let content_type = media_type(&offer.name);
    from(context, &offer.places, &Served { name: &offer.name, content_type, inline: false }).await
}

/// The rendered picture of the model.
pub(super) async fn preview(context: Context) -> Result<Reply, Failure> {
    let job = super::job(&context).await?;
    let file = super::file(&context, &job)?;
    if !file.status.is_terminal() {
        return Err(not_finished(file).into());
    }
    let places = Place::of(file.preview_blob.as_ref(), file.preview_url.as_ref());
    if places.is_empty() {
        return Err(Problem::new(404, "NO_PREVIEW", "There is no preview of this model.").into());
    }
    let (name, content_type) = preview_of(file);
    from(&context, &places, &Served { name: &name, content_type, inline: true }).await
}

/// The uploaded image.
pub(super) async fn original(context: Context) -> Result<Reply, Failure> {
    let job = super::job(&context).await?;
    let file = super::file(&context, &job)?;
    let served = Served { name: &file.filename, content_type: &file.content_type, inline: true };
    from(&context, &[Place::Here(file.blob.clone())], &served).await
}

/// The uploaded image, small, as lists show it. A page shows many, so they are not counted, and a browser keeps them for a while.
pub(super) async fn thumbnail(context: Context) -> Result<Reply, Failure> {
    let job = super::job(&context).await?;
    let file = super::file(&context, &job)?;
    let name = format!("{}_thumbnail.jpg", file_name::split_extension(&file.filename).0);
    let served = Served { name: &name, content_type: "image/jpeg", inline: true };
    let mut answer = from(&context, &[Place::Here(blobs::thumbnail_of(&file.blob))], &served).await?;
    reply::insert(&mut answer, "cache-control", "private, max-age=3600");
    Ok(answer)
}

/// Streamed from the first place that has it; from elsewhere only when the client wants no redirect there.
async fn from(context: &Context, places: &[Place], served: &Served<'_>) -> Result<Reply, Failure> {
    for place in places {
        let answer = match place {
            Place::Elsewhere(url) if !context.query.flag("stream") => Some(lead_to(url).await?),
            place => served.answer(context, place).await?,
        };
        if let Some(answer) = answer {
            return Ok(answer);
        }
    }
    Err(Problem::new(404, "FILE_GONE", "This file is no longer kept.").into())
}

async fn lead_to(url: &str) -> Result<Reply, Failure> {
    if hosts::is_allowed(url, &config::list("result_hosts").await?) {
        return reply::redirect(302, url);
    }
    log::warn("result is at a host that is not allowed", &json!({ "variable": "result_hosts" }));
    Err(Problem::new(502, "RESULT_HOST_NOT_ALLOWED", "The file is kept at a place this service does not lead to.")
        .into())
}

fn not_finished(file: &FileRecord) -> Problem {
    let detail = match file.status {
        FileStatus::Failed => "There is no model: making it failed.",
        FileStatus::Cancelled => "There is no model: it was cancelled.",
        _ => "The model is not finished yet.",
    };
    let error = file.error.as_ref().filter(|_| file.status.is_terminal());
    let error =
        error.map(|error| json!({ "code": error.code, "message": error.message, "retryable": error.retryable }));
    Problem::new(409, "MODEL_NOT_READY", detail)
        .with_details(json!({ "status": file.status, "progress": file.progress, "error": error }))
}
