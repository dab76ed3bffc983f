//! `GET /admin/tasks?state=`: files that workers hold (`active`), that wait in line (`reserved`), that are to be tried again
//! (`scheduled`), or that failed for good (`dead`), a page at a time.

use futures::future::try_join_all;
use image2model_domain::queue::Queue;
use image2model_domain::time::rfc3339;
use image2model_domain::{FileId, JobId, Keyspace, Problem};
use image2model_kit::listing::{self, Order, PageQuery, Place, invalid};
use image2model_kit::redis::{self, RedisError};
use image2model_kit::{Context, Failure, Reply, reply};
use serde_json::{Value, json};

use super::dead_letters;
use crate::audit;

/// Fields of a file's record that the list shows.
const FIELDS: [&str; 14] = [
    "status",
    "filename",
    "tenant",
    "model",
    "lane",
    "worker",
    "attempts",
    "fal_request_id",
    "message",
    "error_code",
    "claimed_at",
    "created_at",
    "request_id",
    "lost_leases",
];

/// Celery's words for how a task stands, and `dead` for what Celery forgets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Active,
    Reserved,
    Scheduled,
    Dead,
}

impl State {
    fn parse(text: &str) -> Result<Self, Problem> {
        match text {
            "active" => Ok(Self::Active),
            "reserved" => Ok(Self::Reserved),
            "scheduled" => Ok(Self::Scheduled),
            "dead" => Ok(Self::Dead),
            _ => Err(invalid("state must be active, reserved, scheduled or dead")),
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Reserved => "reserved",
            Self::Scheduled => "scheduled",
            Self::Dead => "dead",
        }
    }

    /// What the score means by which its set is ordered.
    fn time(self) -> &'static str {
        match self {
            Self::Active => "lease_until",
            Self::Reserved => "waiting_since",
            Self::Scheduled => "due_at",
            Self::Dead => "failed_at",
        }
    }

    /// The sets of `job/file` by that time.
    fn sets(self, keys: &Keyspace) -> Vec<String> {
        match self {
            Self::Active => vec![keys.queue_running()],
            Self::Reserved => Queue::LANES.map(|lane| keys.queue_waiting(lane)).to_vec(),
            Self::Scheduled => vec![keys.queue_delayed()],
            Self::Dead => vec![],
        }
    }
}

/// Answers a page.
pub(crate) async fn tasks(context: Context) -> Result<Reply, Failure> {
    let state = State::parse(context.query.get("state").unwrap_or("active"))?;
    audit::asked(&context, &json!({ "state": state.as_str() }));
    let (tasks, next_cursor) = if state == State::Dead {
        dead_letters::page(&context.query).await?
    } else {
        let keys = redis::keys().await?;
        let (sets, query) = (state.sets(&keys), PageQuery::parse(&context.query, is_entry)?);
        let page = listing::page(&sets, Order::Rising, &query).await?;
        let tasks = try_join_all(page.places.iter().map(|place| task(state, place))).await?;
        (tasks.into_iter().flatten().collect(), page.next_cursor)
    };
    reply::json(200, &json!({ "state": state.as_str(), "tasks": tasks, "next_cursor": next_cursor }))
}

/// `None` when the file has gone in between.
async fn task(state: State, place: &Place) -> Result<Option<Value>, RedisError> {
    let Some((job, file)) = ids(&place.member) else { return Ok(None) };
    let Some(mut shown) = about(&job, &file).await? else { return Ok(None) };
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("state".to_owned(), json!(state.as_str()));
        shown.insert(state.time().to_owned(), json!(rfc3339(place.score)));
    }
    Ok(Some(shown))
}

fn is_entry(text: &str) -> bool {
    text.split_once('/').is_some_and(|(job, file)| listing::is_id(job) && listing::is_id(file))
}

fn ids(entry: &str) -> Option<(JobId, FileId)> {
    let (job, file) = entry.split_once('/')?;
    Some((JobId::parse(job).ok()?, FileId::parse(file).ok()?))
}

/// A file as a task; `None` when there is no such file.
pub(super) async fn about(job: &JobId, file: &FileId) -> Result<Option<Value>, RedisError> {
    let key = redis::keys().await?.file(job, file);
    let args: Vec<&str> = std::iter::once(key.as_str()).chain(FIELDS).collect();
    Ok(shown(job, file, &redis::texts("HMGET", &args).await?))
}

fn shown(job: &JobId, file: &FileId, values: &[String]) -> Option<Value> {
    let [status, filename, tenant, model, lane, worker, attempts, fal, message, error, claimed, created, request, lost] =
        values
    else {
        return None;
    };
    let number = |text: &str| text.parse::<i64>().unwrap_or_default();
    let filled = |text: &String| (!text.is_empty()).then(|| text.clone());
    (!status.is_empty()).then(|| {
        json!({
            "task_id": file.as_task_id(),
            "job_id": job,
            "file_id": file,
            "queue": Queue::parse(lane).unwrap_or(Queue::BatchProcessing),
            "status": status,
            "filename": filename,
            "tenant": tenant,
            "model": model,
            "worker": filled(worker),
            "attempts": number(attempts),
            "lost_leases": number(lost),
            "fal_request_id": filled(fal),
            "message": message,
            "error_code": filled(error),
            "claimed_at": claimed.parse::<i64>().ok().map(rfc3339),
            "created_at": rfc3339(number(created)),
            "request_id": request,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_shown_as_a_task_and_one_that_is_gone_is_not() {
        let (job, file) = ids(&format!("{:032x}/{:032x}", 1, 2)).unwrap();
        assert!(shown(&job, &file, &vec![String::new(); FIELDS.len()]).is_none());
        let mut values = vec![String::new(); FIELDS.len()];
        values[0] = "processing".to_owned();
        values[4] = "model_generation".to_owned();
        values[6] = "2".to_owned();
        let task = shown(&job, &file, &values).unwrap();
        assert_eq!((&task["queue"], &task["attempts"]), (&json!("model_generation"), &json!(2)));
        assert_eq!((&task["claimed_at"], &task["worker"]), (&Value::Null, &Value::Null));
        assert_eq!(task["task_id"], file.as_task_id());
        assert!(ids("x/y").is_none());
    }

    #[test]
    fn states_are_celerys() {
        for word in ["active", "reserved", "scheduled", "dead"] {
            assert_eq!(State::parse(word).unwrap().as_str(), word);
        }
        assert_eq!(State::parse("zombie").unwrap_err().status(), 422);
    }
}
