//! `POST /admin/cleanup`: removes jobs that ended long ago, with their images and models.
//!
//! Jobs are looked at oldest first, a bounded number a call; `more` says that another call would find others. A job whose
//! record has expired has ended, and its bytes go too.

use image2model_domain::commands::{ReadJob, ReadQueues};
use image2model_domain::queue::Queue;
use image2model_domain::record::JobRecord;
use image2model_domain::time::rfc3339;
use image2model_domain::{JobId, Problem};
use image2model_kit::{Context, Failure, Reply, clock, redis, reply};
use serde::Deserialize;
use serde_json::{Value, json};

use super::delete::{self, Removal};
use super::megabytes;
use crate::audit;

const LONGEST_BODY: usize = 4096;
/// Jobs removed a call.
const MOST_REMOVED: usize = 500;
/// Jobs looked at a call.
const MOST_LOOKED_AT: usize = 2000;
/// A call takes no longer than this; the rest is for the next one.
const PATIENCE_MS: i64 = 20_000;
/// Ten years.
const MOST_HOURS: f64 = 87_600.0;

/// What is asked for.
#[derive(Debug, Deserialize)]
struct Order {
    #[serde(alias = "hours", default = "a_day")]
    older_than_hours: f64,
    #[serde(default)]
    dry_run: bool,
}

fn a_day() -> f64 {
    24.0
}

impl Order {
    /// Jobs that ended at this time, ms, or before are old.
    fn cutoff(&self, now_ms: i64) -> Result<i64, Problem> {
        if !(0.0..=MOST_HOURS).contains(&self.older_than_hours) {
            return Err(Problem::new(422, "VALIDATION_ERROR", "older_than_hours must be a number from 0 to 87600"));
        }
        let age = std::time::Duration::from_secs_f64(self.older_than_hours * 3600.0);
        Ok(now_ms - i64::try_from(age.as_millis()).unwrap_or(i64::MAX))
    }
}

/// What went, or would go.
#[derive(Debug, Default)]
struct Tally {
    jobs: Vec<JobId>,
    files: u64,
    bytes: u64,
    more: bool,
}

/// Removes, or with `dry_run` says what would be removed.
pub(crate) async fn old_jobs(mut context: Context) -> Result<Reply, Failure> {
    let order: Order = context.json(LONGEST_BODY).await?;
    audit::asked(&context, &json!({ "older_than_hours": order.older_than_hours, "dry_run": order.dry_run }));
    if !order.dry_run {
        require_unpaused().await?;
    }
    let now = clock::now_ms();
    let tally = sweep(order.cutoff(now)?, order.dry_run, now + PATIENCE_MS).await?;
    let body = shown(&order, &tally, now);
    audit::done(&context, &body);
    reply::json(200, &body)
}

/// In our words and the original's. A dry run says in both what would go.
fn shown(order: &Order, tally: &Tally, now_ms: i64) -> Value {
    let message = match (order.dry_run, tally.jobs.len()) {
        (_, 0) => "Nothing is that old".to_owned(),
        (true, n) => format!("Jobs that would be deleted: {n}"),
        (false, n) => format!("Deleted jobs: {n}"),
    };
    json!({
        "dry_run": order.dry_run,
        "older_than_hours": order.older_than_hours,
        "deleted_jobs": tally.jobs.len(),
        "deleted_files": tally.files,
        "freed_bytes": tally.bytes,
        "files_removed": tally.files,
        "directories_removed": tally.jobs.len(),
        "freed_space_mb": megabytes(tally.bytes),
        "cleanup_hours": order.older_than_hours,
        "errors": [],
        "timestamp": rfc3339(now_ms),
        "job_ids": tally.jobs,
        "more": tally.more,
        "message": message,
    })
}

/// Clearing away is a queue of its own that can be paused, as the seeds have it.
async fn require_unpaused() -> Result<(), Failure> {
    let queues = redis::run(&ReadQueues).await?.queues;
    if queues.iter().any(|q| q.queue == Queue::Maintenance && q.paused_since.is_some()) {
        let detail = "The queue maintenance is paused; resume it, or ask for a dry run.";
        return Err(Problem::new(409, "QUEUE_PAUSED", detail).into());
    }
    Ok(())
}

async fn sweep(cutoff: i64, dry_run: bool, deadline: i64) -> Result<Tally, Failure> {
    let (key, until, most) = (redis::keys().await?.jobs(), cutoff.to_string(), (MOST_LOOKED_AT + 1).to_string());
    // A job ends after it was made: what was made later cannot be old.
    let ids = redis::texts("ZRANGEBYSCORE", &[&key, "-inf", &until, "LIMIT", "0", &most]).await?;
    let mut tally = Tally { more: ids.len() > MOST_LOOKED_AT, ..Tally::default() };
    for id in ids.iter().take(MOST_LOOKED_AT).filter_map(|id| JobId::parse(id).ok()) {
        if tally.jobs.len() == MOST_REMOVED || clock::now_ms() > deadline {
            tally.more = true;
            break;
        }
        let record = redis::run(&ReadJob(&id)).await?;
        if !is_old(record.as_ref(), cutoff) {
            continue;
        }
        let removal =
            if dry_run { Removal::Done(delete::held(&id).await?) } else { delete::remove(&id, false).await? };
        let (Removal::Done(freed) | Removal::NotFound(freed)) = removal else { continue };
        tally.files += freed.deleted;
        tally.bytes += freed.freed_bytes;
        tally.jobs.push(id);
    }
    Ok(tally)
}

fn is_old(record: Option<&JobRecord>, cutoff: i64) -> bool {
    record.is_none_or(|job| job.ended_at.is_some_and(|ended| ended <= cutoff))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(text: &str) -> Order {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn takes_both_spellings_and_a_default() {
        assert_eq!(order(r#"{"older_than_hours": 2}"#).cutoff(7_200_000).unwrap(), 0);
        assert_eq!(order(r#"{"hours": 0.5}"#).cutoff(1_800_000).unwrap(), 0);
        assert_eq!(order("{}").cutoff(86_400_000).unwrap(), 0);
        assert!(order(r#"{"dry_run": true}"#).dry_run);
        for bad in [r#"{"hours": -1}"#, r#"{"hours": 1e9}"#] {
            assert_eq!(order(bad).cutoff(0).unwrap_err().status(), 422, "{bad}");
        }
    }

    #[test]
    fn a_dry_run_says_the_same_in_both_forms() {
        let tally = Tally { jobs: vec![JobId::from_random([1; 16])], files: 3, bytes: 2 << 20, more: false };
        let body = shown(&order(r#"{"dry_run": true}"#), &tally, 0);
        assert_eq!(body["files_removed"], body["deleted_files"]);
        assert_eq!(body["directories_removed"], body["deleted_jobs"]);
        assert_eq!((&body["freed_space_mb"], &body["freed_bytes"]), (&json!(2.0), &json!(2 << 20)));
    }

    #[test]
    fn a_job_whose_record_expired_is_old() {
        assert!(is_old(None, 0));
    }
}
