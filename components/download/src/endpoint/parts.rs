//! `…/{file_id}/model`, `/preview`, `/original`: what belongs to one file.

use image2model_domain::record::{FileRecord, JobRecord};
use image2model_domain::{FileStatus, Problem, file_name};
use image2model_kit::{Context, Failure, Reply, config, reply};
use serde_json::json;

use super::serve_blob::Served;
use crate::hosts;
use crate::results::{media_type, models};

/// The model.
pub(super) async fn model(context: Context) -> Result<Reply, Failure> {
    let job = super::job(&context).await?;
    model_of(&context, &job, super::file(&context, &job)?).await
}

/// The model of a file: streamed when it is kept here, else a redirect to where it is.
pub(super) async fn model_of(context: &Context, job: &JobRecord, file: &FileRecord) -> Result<Reply, Failure> {
    let Some(result) = models(job).into_iter().find(|result| result.file.id == file.id) else {
        return Err(not_finished(file).into());
    };
    if let Some(format) = context.query.get("format") {
        let (_, made) = file_name::split_extension(&result.name);
        if !made.eq_ignore_ascii_case(format) {
            let problem = Problem::new(404, "FORMAT_NOT_AVAILABLE", format!("This model was made as {made} only."));
            return Err(problem.with_details(json!({ "formats": [made] })).into());
        }
    }
    match (&file.model_blob, &file.model_url) {
        (Some(key), _) => {
            let content_type = media_type(&result.name);
            Served { key, name: &result.name, content_type, inline: false }.answer(context).await
        }
        (None, Some(_)) if context.query.flag("stream") => Err(Problem::new(
            409,
            "NOT_KEPT_HERE",
            "This model is kept by the provider only; ask without stream=1 to be led there.",
        )
        .into()),
        (None, Some(url)) => lead_to(url).await,
        (None, None) => Err(Problem::new(404, "FILE_GONE", "This file is no longer kept.").into()),
    }
}

/// The rendered picture of the model.
pub(super) async fn preview(context: Context) -> Result<Reply, Failure> {
    let job = super::job(&context).await?;
    let file = super::file(&context, &job)?;
    if !file.status.is_terminal() {
        return Err(not_finished(file).into());
    }
    match (&file.preview_blob, &file.preview_url) {
        (Some(key), _) => {
            let content_type = file.preview_content_type.as_deref().filter(|kind| kind.starts_with("image/"));
            let extension = file_name::split_extension(key).1;
            let name = format!("{}_preview.{extension}", file_name::split_extension(&file.filename).0);
            let content_type = content_type.unwrap_or("application/octet-stream");
            Served { key, name: &name, content_type, inline: true }.answer(&context).await
        }
        (None, Some(url)) => lead_to(url).await,
        (None, None) => Err(Problem::new(404, "NO_PREVIEW", "There is no preview of this model.").into()),
    }
}

/// The uploaded image.
pub(super) async fn original(context: Context) -> Result<Reply, Failure> {
    let job = super::job(&context).await?;
    let file = super::file(&context, &job)?;
    Served { key: &file.blob, name: &file.filename, content_type: &file.content_type, inline: true }
        .answer(&context)
        .await
}

async fn lead_to(url: &str) -> Result<Reply, Failure> {
    if hosts::is_allowed(url, &config::list("result_hosts").await?) {
        return reply::redirect(302, url);
    }
    image2model_kit::log::warn("result is at a host that is not allowed", &json!({ "variable": "result_hosts" }));
    Err(Problem::new(502, "RESULT_HOST_NOT_ALLOWED", "The file is kept at a place this service does not lead to.")
        .into())
}

fn not_finished(file: &FileRecord) -> Problem {
    let detail = match file.status {
        FileStatus::Failed => "There is no model: making it failed.",
        FileStatus::Cancelled => "There is no model: it was cancelled.",
        _ => "The model is not finished yet.",
    };
    let error = file.error.as_ref().map(|error| json!({ "code": error.code, "message": error.message }));
    Problem::new(409, "MODEL_NOT_READY", detail)
        .with_details(json!({ "status": file.status, "progress": file.progress, "error": error }))
}
