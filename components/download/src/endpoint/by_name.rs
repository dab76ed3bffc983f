//! `…/{job_id}/{filename}` and `/direct/{filename}`: one result by its name.

use image2model_domain::commands::ReadJob;
use image2model_domain::record::JobRecord;
use image2model_domain::{FileId, JobId, Problem, view};
use image2model_kit::{Context, Failure, Reply, redis};
use serde_json::json;

use super::parts;
use crate::results::models;

/// How many of the caller's newest jobs are searched for a name.
const JOBS_SEARCHED: &str = "49";

/// One result of a job.
pub(super) async fn of_job(context: Context) -> Result<Reply, Failure> {
    let job = super::job(&context).await?;
    let name = context.param("filename");
    let found = models(&job).into_iter().find(|result| result.name == name).map(|result| result.file);
    match found.or_else(|| named_by_id(&job, name)) {
        Some(file) => parts::model_of(&context, &job, file).await,
        None => Err(Problem::file_not_found().into()),
    }
}

/// A result by its name alone. A name that begins with a file's id says which file it is; any other name is looked for
/// among the caller's newest jobs.
pub(super) async fn direct(context: Context) -> Result<Reply, Failure> {
    let name = context.param("filename");
    if let Some(file) = leading_id(name) {
        let job = redis::text("GET", &[&redis::keys().job_of_file(&file)]).await?;
        let job = job.and_then(|job| JobId::parse(&job).ok()).ok_or_else(Problem::file_not_found)?;
        context.authorise(&job).await?;
        let job = redis::run(&ReadJob(&job)).await?.ok_or_else(Problem::file_not_found)?;
        let file = job.file(&file).ok_or_else(Problem::file_not_found)?;
        return parts::model_of(&context, &job, file).await;
    }
    let found = search(&context, name).await?;
    match found.as_slice() {
        [] => Err(Problem::file_not_found().into()),
        [(job, file)] => match job.file(file) {
            Some(file) => parts::model_of(&context, job, file).await,
            None => Err(Problem::file_not_found().into()),
        },
        several => {
            let urls: Vec<String> = several
                .iter()
                .filter_map(|(job, file)| job.file(file).map(|file| view::model_path(job, file)))
                .collect();
            let problem = Problem::new(409, "AMBIGUOUS_NAME", "Several results have this name; choose one by its job.");
            Err(problem.with_details(json!({ "download_urls": urls })).into())
        }
    }
}

async fn search(context: &Context, name: &str) -> Result<Vec<(JobRecord, FileId)>, Failure> {
    let newest = redis::texts("ZREVRANGE", &[&redis::keys().jobs_of(&context.caller), "0", JOBS_SEARCHED]).await?;
    let mut found = Vec::new();
    for id in newest.iter().filter_map(|id| JobId::parse(id).ok()) {
        let Some(job) = redis::run(&ReadJob(&id)).await? else { continue };
        let file = models(&job).into_iter().find(|result| result.name == name).map(|result| result.file.id.clone());
        if let Some(file) = file {
            found.push((job, file));
        }
    }
    Ok(found)
}

/// `0123…cdef_model.glb`, the name that a result has in the blob store.
fn leading_id(name: &str) -> Option<FileId> {
    let (id, _) = name.split_once(['_', '.'])?;
    FileId::parse(id).ok()
}

fn named_by_id<'a>(job: &'a JobRecord, name: &str) -> Option<&'a image2model_domain::record::FileRecord> {
    job.file(&leading_id(name)?)
}
