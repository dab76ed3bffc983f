//! `…/{job_id}/{filename}` and `/direct/{filename}`: one result by its name.

use futures::{StreamExt, TryStreamExt, stream};
use image2model_domain::commands::ReadJob;
use image2model_domain::record::{FileRecord, JobRecord};
use image2model_domain::{FileId, FileStatus, JobId, Problem, time, view};
use image2model_kit::{Context, Failure, Reply, jobs, redis};
use serde_json::{Value, json};

use super::parts;
use crate::results::{file_named, leading_id, models};

/// The caller's newest jobs are searched for a name: the index of the last of them.
const LAST_SEARCHED: &str = "99";
/// Jobs read at a time.
const AT_A_TIME: usize = 16;

/// One result of a job. One that is not there yet is known by its name all the same.
pub(super) async fn of_job(context: Context) -> Result<Reply, Failure> {
    let job = super::job(&context).await?;
    let name = context.param("filename");
    match file_named(&job, name).or_else(|| named_by_id(&job, name)).or_else(|| first(&job, name)) {
        Some(file) => parts::model_of(&context, &job, file).await,
        None => Err(Problem::file_not_found().into()),
    }
}

/// A result by its name alone. A name that begins with a file's id says which file it is, and who may see its job may
/// have it. Any other name says nothing of whose it is: it is looked for among the newest jobs of the caller's key, also
/// one that only looks like an id, as pictures have them from cameras and phones. Where none of that name is finished, the
/// newest answers why.
pub(super) async fn direct(context: Context) -> Result<Reply, Failure> {
    let name = context.param("filename");
    let id = leading_id(name);
    if let Some(file) = &id
        && let Some(job) = jobs::of_file(file).await?
    {
        context.authorise(&job).await?;
        let job = jobs::read(&job).await?;
        let file = job.file(file).ok_or_else(Problem::file_not_found)?;
        return parts::model_of(&context, &job, file).await;
    }
    let caller = match context.user().await {
        Ok(caller) => caller,
        // To whoever has no key an id is one of a file, and there is none.
        Err(Failure::Problem(refusal)) if id.is_some() && refusal.status() == 403 => {
            return Err(Problem::file_not_found().into());
        }
        Err(refusal) => return Err(refusal),
    };
    let mut found = search(&caller, name).await?;
    if found.iter().any(Found::is_finished) {
        found.retain(Found::is_finished);
    } else {
        found.truncate(1);
    }
    match found.as_slice() {
        [] => Err(Problem::file_not_found().into()),
        [Found { job, file }] => match job.file(file) {
            Some(file) => parts::model_of(&context, job, file).await,
            None => Err(Problem::file_not_found().into()),
        },
        several => Err(ambiguous(several).into()),
    }
}

/// A job of the caller's that has a result of the name, or will have.
struct Found {
    job: JobRecord,
    file: FileId,
}

impl Found {
    fn is_finished(&self) -> bool {
        self.job.file(&self.file).is_some_and(|file| file.status == FileStatus::Completed)
    }
}

async fn search(caller: &str, name: &str) -> Result<Vec<Found>, Failure> {
    let newest = redis::texts("ZREVRANGE", &[&redis::keys().await?.jobs_of(caller), "0", LAST_SEARCHED]).await?;
    let read = |id: JobId| async move { redis::run(&ReadJob(&id)).await };
    let ids: Vec<_> = newest.iter().filter_map(|id| JobId::parse(id).ok()).map(read).collect();
    let mut jobs = stream::iter(ids).buffered(AT_A_TIME);
    let mut found = Vec::new();
    while let Some(job) = jobs.try_next().await? {
        let Some(job) = job else { continue };
        let file = file_named(&job, name).map(|file| file.id.clone());
        found.extend(file.map(|file| Found { job, file }));
    }
    Ok(found)
}

/// Names the caller's own results, so that one can be chosen.
fn ambiguous(several: &[Found]) -> Problem {
    let candidate = |Found { job, file }: &Found| {
        let file = job.file(file)?;
        Some(json!({
            "job_id": job.id,
            "file_id": file.id,
            "created_time": file.ended_at.map(time::rfc3339),
            "download_url": view::model_path(job, file),
        }))
    };
    let candidates: Vec<Value> = several.iter().filter_map(candidate).collect();
    Problem::new(409, "AMBIGUOUS_NAME", "Several results have this name; choose one by its job.")
        .with_details(json!({ "candidates": candidates }))
}

/// `…/{job_id}/model`: the original's address of a job's first model; while there is none, of the first that there will be.
fn first<'a>(job: &'a JobRecord, name: &str) -> Option<&'a FileRecord> {
    if name != "model" {
        return None;
    }
    models(job).first().map(|result| result.file).or(job.files.first())
}

fn named_by_id<'a>(job: &'a JobRecord, name: &str) -> Option<&'a FileRecord> {
    job.file(&leading_id(name)?)
}
