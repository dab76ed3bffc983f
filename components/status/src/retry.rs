//! Retrying: files that failed are put in line anew, on the owner's word. Everything that was made stays as it is.

use image2model_domain::commands::{Restart, RetryFiles, RetryOutcome};
use image2model_domain::{FileId, JobId, Problem};
use image2model_kit::{Context, Failure, Reply, config, redis, reply};
use serde::Deserialize;
use serde_json::{Value, json};

/// Longest body, bytes.
const MAX_BODY: usize = 64 * 1024;

/// Which files; without `files`, every one that failed.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    files: Option<Vec<FileId>>,
}

impl Wanted {
    /// The chosen files. An empty list may be a choice gone wrong: every model made for it would be paid for.
    fn files(self) -> Result<Option<Vec<FileId>>, Problem> {
        if self.files.as_ref().is_some_and(Vec::is_empty) {
            let detail = "`files` names no file; leave it out to retry every file that failed.";
            return Err(Problem::invalid("files", detail));
        }
        Ok(self.files)
    }
}

/// Puts the job's failed files in line anew.
pub(crate) async fn job(mut context: Context) -> Result<Reply, Failure> {
    let id = context.job()?;
    let wanted: Wanted = context.json(MAX_BODY).await?;
    let files = wanted.files()?;
    let max_waiting = Some(config::number("max_queued_files").await?);
    let request_id = &context.request_id;
    let outcome = redis::run(&RetryFiles { job: &id, files: files.as_deref(), max_waiting, request_id }).await?;
    let queued = accepted(outcome)?;
    let mut answer = reply::json(202, &body(&id, &queued))?;
    reply::insert(&mut answer, "location", &format!("/api/v1/status/{id}"));
    Ok(answer)
}

fn accepted(outcome: RetryOutcome) -> Result<Vec<(FileId, Restart)>, Problem> {
    let conflict = |code: &str, detail: &str| Err(Problem::new(409, code, detail));
    match outcome {
        RetryOutcome::Queued(files) => Ok(files),
        RetryOutcome::NotFound => Err(Problem::job_not_found()),
        RetryOutcome::JobCancelled => conflict("JOB_CANCELLED", "The job was cancelled; upload the images again."),
        RetryOutcome::JobEnding => {
            conflict("JOB_CANCELLED", "The job is being cancelled; what failed can be retried once it has ended.")
        }
        RetryOutcome::NothingFailed => conflict("NOTHING_TO_RETRY", "No file of this job has failed."),
        RetryOutcome::UnknownFile(_) => Err(Problem::file_not_found()),
        RetryOutcome::NotFailed(file) => {
            Err(Problem::new(409, "FILE_NOT_FAILED", "Only files that failed can be retried.")
                .with_details(json!({ "file_id": file })))
        }
        RetryOutcome::QueueFull => Err(Problem::queue_full()),
    }
}

fn body(job: &JobId, queued: &[(FileId, Restart)]) -> Value {
    let file = |(id, how): &(FileId, Restart)| json!({ "file_id": id, "status": "pending", "resumed": *how == Restart::Resumed, "task_id": id.as_task_id() });
    let noun = if queued.len() == 1 { "file is" } else { "files are" };
    json!({
        "job_id": job,
        "task_id": job.as_task_id(),
        "status": "processing",
        "retried_files": queued.len(),
        "files": queued.iter().map(file).collect::<Vec<_>>(),
        "message": format!("{} {noun} in line anew", queued.len()),
        "links": image2model_domain::view::links(job),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_say_what_is_the_matter() {
        let status = |outcome| accepted(outcome).map_err(|problem| (problem.status(), problem.code().to_owned()));
        assert_eq!(status(RetryOutcome::NothingFailed), Err((409, "NOTHING_TO_RETRY".to_owned())));
        for cancelled in [RetryOutcome::JobCancelled, RetryOutcome::JobEnding] {
            assert_eq!(status(cancelled), Err((409, "JOB_CANCELLED".to_owned())));
        }
        assert_eq!(status(RetryOutcome::UnknownFile(FileId::from_random([1; 16]))).unwrap_err().0, 404);
        assert!(
            accepted(RetryOutcome::QueueFull).unwrap_err().headers().iter().any(|(name, _)| *name == "retry-after")
        );
    }

    #[test]
    fn no_file_is_not_every_file() {
        let files = |text: &str| serde_json::from_str::<Wanted>(text).unwrap().files();
        assert_eq!(files("{}").unwrap(), None);
        assert_eq!(files(r#"{"files": null}"#).unwrap(), None);
        let refusal = files(r#"{"files": []}"#).unwrap_err();
        assert_eq!((refusal.status(), &refusal.body("", "")["details"]["field"]), (422, &json!("files")));
    }

    #[test]
    fn says_which_requests_are_followed() {
        let file = FileId::from_random([1; 16]);
        let body = body(&JobId::from_random([2; 16]), &[(file, Restart::Resumed)]);
        assert_eq!((&body["files"][0]["resumed"], &body["retried_files"]), (&json!(true), &json!(1)));
    }
}
