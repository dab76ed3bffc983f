//! Dead letters: files that failed for good. Each can be put in line anew, as long as its image is there, or be forgotten.
//!
//! Their ids are those of the entries in the stream `queue:dead`.

use futures::future::try_join_all;
use image2model_domain::commands::{ForgetDeadLetter, RetryFiles, RetryOutcome};
use image2model_domain::time::rfc3339;
use image2model_domain::{FileId, JobId, Problem};
use image2model_kit::listing::{self, invalid};
use image2model_kit::query::Query;
use image2model_kit::redis::RedisError;
use image2model_kit::{Context, Failure, Reply, blobs, redis, reply};
use serde_json::{Value, json};

use super::list;
use crate::audit;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct DeadLetter {
    id: String,
    job: JobId,
    file: FileId,
    code: String,
    message: String,
}

fn not_found() -> Problem {
    Problem::new(404, "DEAD_LETTER_NOT_FOUND", "There is no such dead letter; see GET /api/v1/admin/tasks?state=dead.")
}

/// Milliseconds and a number, `1700000000000-0`, each of 64 bits, not both 0: what Redis takes for one.
fn is_id(text: &str) -> bool {
    let number = |part: &str| part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse::<u64>().ok()).flatten();
    let numbers = text.split_once('-').and_then(|(ms, n)| Some((number(ms)?, number(n)?)));
    numbers.is_some_and(|numbers| numbers != (0, 0))
}

/// A page, newest first, and the next one's cursor: the last id shown.
pub(super) async fn page(query: &Query) -> Result<(Vec<Value>, Option<String>), Failure> {
    let limit = listing::limit(query)?;
    let from = match query.get("cursor") {
        None => "+".to_owned(),
        Some(id) if is_id(id) => format!("({id}"),
        Some(_) => return Err(invalid("cursor is not one of ours").into()),
    };
    let wanted = (limit + 1).to_string();
    let mut letters =
        read(&redis::texts("XREVRANGE", &[&redis::keys().await?.queue_dead(), &from, "-", "COUNT", &wanted]).await?);
    let more = letters.len() > limit;
    letters.truncate(limit);
    let next = letters.last().filter(|_| more).map(|letter| letter.id.clone());
    Ok((try_join_all(letters.iter().map(shown)).await?, next))
}

/// Entries as they come, flattened: an id, then names and values of its five fields.
fn read(flat: &[String]) -> Vec<DeadLetter> {
    flat.chunks_exact(11).filter_map(letter).collect()
}

fn letter(entry: &[String]) -> Option<DeadLetter> {
    let (id, fields) = entry.split_first()?;
    let value = |name: &str| {
        fields.chunks_exact(2).find_map(|pair| match pair {
            [n, value] if n == name => Some(value.as_str()),
            _ => None,
        })
    };
    Some(DeadLetter {
        id: id.clone(),
        job: JobId::parse(value("job")?).ok()?,
        file: FileId::parse(value("file")?).ok()?,
        code: value("code")?.to_owned(),
        message: value("message")?.to_owned(),
    })
}

/// As a task; one whose job has expired says no more than the letter does.
async fn shown(letter: &DeadLetter) -> Result<Value, RedisError> {
    let known = list::about(&letter.job, &letter.file).await?;
    let replayable = known.is_some();
    let mut shown = known.unwrap_or_else(|| json!({ "job_id": letter.job, "file_id": letter.file }));
    let failed_at = letter.id.split_once('-').and_then(|(ms, _)| ms.parse().ok()).map(rfc3339);
    if let Some(shown) = shown.as_object_mut() {
        shown.extend([
            ("dead_letter_id".to_owned(), json!(letter.id)),
            ("state".to_owned(), json!("dead")),
            ("failed_at".to_owned(), json!(failed_at)),
            ("replayable".to_owned(), json!(replayable)),
            ("error".to_owned(), json!({ "code": letter.code, "message": letter.message })),
        ]);
    }
    Ok(shown)
}

async fn named(context: &Context) -> Result<DeadLetter, Failure> {
    let id = context.param("id");
    if !is_id(id) {
        return Err(not_found().into());
    }
    let flat = redis::texts("XRANGE", &[&redis::keys().await?.queue_dead(), id, id]).await?;
    Ok(letter(&flat).ok_or_else(not_found)?)
}

/// `POST /admin/dead-letters/{id}/replay`: the file is put in line anew and its job with it.
pub(crate) async fn replay(context: Context) -> Result<Reply, Failure> {
    let letter = named(&context).await?;
    audit::asked(&context, &json!({ "job_id": letter.job, "file_id": letter.file }));
    require_image(&letter).await?;
    let (job, files) = (&letter.job, [letter.file.clone()]);
    let retry = RetryFiles { job, files: Some(&files), max_waiting: None, request_id: &context.request_id };
    let queued = match redis::run(&retry).await? {
        RetryOutcome::Queued(queued) => queued,
        outcome => return Err(refused(&outcome).into()),
    };
    let body = json!({
        "dead_letter_id": letter.id,
        "job_id": letter.job,
        "file_id": letter.file,
        "requeued_files": queued.len(),
        "message": "The file is in line again",
        "links": { "self": format!("/api/v1/status/{}", letter.job) },
    });
    audit::done(&context, &body);
    reply::json(202, &body)
}

/// A model is made of an image: without it a replay could only fail again.
async fn require_image(letter: &DeadLetter) -> Result<(), Failure> {
    let Some(blob) = redis::hget(&redis::keys().await?.file(&letter.job, &letter.file), "blob").await? else {
        return Err(Problem::new(409, "JOB_EXPIRED", "The job of this dead letter has expired or was deleted.").into());
    };
    if blobs::head(&blob, &[]).await?.status == 404 {
        return Err(Problem::new(409, "IMAGE_REMOVED", "The image of this dead letter has been removed.").into());
    }
    Ok(())
}

fn refused(outcome: &RetryOutcome) -> Problem {
    match outcome {
        RetryOutcome::NotFound | RetryOutcome::UnknownFile(_) => {
            Problem::new(409, "JOB_EXPIRED", "The job of this dead letter has expired or was deleted.")
        }
        RetryOutcome::JobCancelled | RetryOutcome::JobEnding => {
            Problem::new(409, "JOB_CANCELLED", "The job was cancelled; nothing of it is replayed.")
        }
        RetryOutcome::QueueFull => Problem::unavailable("Too many files are waiting. Please try again later."),
        _ => Problem::new(409, "FILE_NOT_FAILED", "The file is not failed any more: it was retried in between."),
    }
}

/// `DELETE /admin/dead-letters/{id}`: it is forgotten; its job stays as it is.
pub(crate) async fn forget(context: Context) -> Result<Reply, Failure> {
    let letter = named(&context).await?;
    audit::asked(&context, &json!({ "job_id": letter.job, "file_id": letter.file }));
    if !redis::run(&ForgetDeadLetter(&letter.id)).await? {
        return Err(not_found().into());
    }
    let body = json!({
        "dead_letter_id": letter.id, "job_id": letter.job, "file_id": letter.file, "deleted": true,
        "message": "The dead letter is forgotten",
    });
    audit::done(&context, &body);
    reply::json(200, &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_entries_flattened() {
        let (job, file) = (format!("{:032x}", 1), format!("{:032x}", 2));
        let entry = |id: &str| {
            [id, "job", &job, "file", &file, "tenant", "t", "code", "CONTENT_POLICY", "message", "No"]
                .map(str::to_owned)
        };
        let letters = read(&[entry("5-0"), entry("6-1")].concat());
        assert_eq!(letters.len(), 2);
        assert_eq!((letters[1].id.as_str(), letters[1].code.as_str()), ("6-1", "CONTENT_POLICY"));
        assert!(read(&[]).is_empty());
    }

    #[test]
    fn ids_are_those_of_a_stream() {
        assert!(is_id("1700000000000-0"));
        for bad in ["", "-", "1", "1-", "-1", "1-x", "1 -0", "*", "0-0", "+1-0", "99999999999999999999-0"] {
            assert!(!is_id(bad), "{bad}");
        }
    }
}
