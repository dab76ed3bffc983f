//! `GET /upload/status/{file_id}` and `/upload/batch/{batch_id}/status`: how an uploaded file, or a whole upload, stands.

use image2model_domain::{Problem, view};
use image2model_kit::{Context, Failure, Reply, jobs, reply};

/// One file.
pub(super) async fn file(context: Context) -> Result<Reply, Failure> {
    let job = jobs::read(&context.job()?).await?;
    let file = job.file(&context.file()?).ok_or_else(Problem::file_not_found)?;
    let mut body = view::file(&job, file);
    if let Some(body) = body.as_object_mut() {
        body.insert("job_id".to_owned(), job.id.as_str().into());
        body.insert("batch_id".to_owned(), job.id.as_str().into());
        body.insert("links".to_owned(), view::links(&job.id));
    }
    reply::json_with_etag(&context, &body)
}

/// All files of one upload.
pub(super) async fn batch(context: Context) -> Result<Reply, Failure> {
    let job = jobs::read(&context.job()?).await?;
    reply::json_with_etag(&context, &view::status(&job))
}
