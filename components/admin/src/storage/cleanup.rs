//! `POST /admin/cleanup`: removes jobs that ended long ago, with their images and models.
//!
//! Jobs are looked at oldest first, past those that are to stay, until a bounded number has gone or a call has taken its time;
//! `more` says that another call would find others. A job whose record has expired has ended, and its bytes go too.
//!
//! What is asked for stands in the body or in the query.

use image2model_domain::commands::{ReadJob, ReadQueues};
use image2model_domain::queue::Queue;
use image2model_domain::record::JobRecord;
use image2model_domain::time::rfc3339;
use image2model_domain::{JobId, Problem};
use image2model_kit::blobs::Freed;
use image2model_kit::listing::{self, PageQuery, Place};
use image2model_kit::query::Query;
use image2model_kit::{Context, Failure, Reply, clock, redis, reply};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::delete::{self, Removal};
use super::megabytes;
use crate::{audit, orders};

const LONGEST_BODY: usize = 4096;
/// Jobs removed a call.
const MOST_REMOVED: usize = 500;
/// Jobs read from the list at once.
const PAGE: usize = 500;
/// A call takes no longer than this; the rest is for the next one.
const PATIENCE_MS: i64 = 20_000;
/// Ten years.
const MOST_HOURS: f64 = 87_600.0;

/// Hours, when none are named.
const A_DAY: f64 = 24.0;

/// What the body says.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Sent {
    #[serde(deserialize_with = "said")]
    older_than_hours: Option<f64>,
    #[serde(deserialize_with = "said")]
    hours: Option<f64>,
    #[serde(deserialize_with = "said")]
    dry_run: Option<bool>,
}

/// A value that is there; `null` is none.
fn said<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// What is asked for.
#[derive(Debug)]
struct Order {
    older_than_hours: f64,
    dry_run: bool,
}

impl Order {
    /// Out of the body and the query, which may say the same thing twice, and not two things.
    fn read(sent: &Sent, query: &Query) -> Result<Self, Problem> {
        const NAMES: [&str; 3] = ["older_than_hours", "hours", "dry_run"];
        orders::only(query, &NAMES)?;
        let read = |name: &'static str| query.all(name).map(move |text| (name, text));
        let hours = read("older_than_hours").chain(read("hours"));
        let hours = hours
            .map(|(name, text)| text.parse().map_err(|_| Problem::invalid(name, format!("{name} must be a number"))));
        let hours: Vec<f64> = hours.collect::<Result<_, _>>()?;
        let hours = sent.older_than_hours.into_iter().chain(sent.hours).chain(hours);
        Ok(Self {
            older_than_hours: orders::agreed("older_than_hours", hours)?.unwrap_or(A_DAY),
            dry_run: orders::dry_run(sent.dry_run, query)?,
        })
    }

    /// Jobs that ended at this time, ms, or before are old.
    fn cutoff(&self, now_ms: i64) -> Result<i64, Problem> {
        if !(0.0..=MOST_HOURS).contains(&self.older_than_hours) {
            return Err(Problem::invalid("older_than_hours", "older_than_hours must be a number from 0 to 87600"));
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
    let sent: Sent = context.json(LONGEST_BODY).await?;
    let order = Order::read(&sent, &context.query)?;
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
    let sets = [redis::keys().await?.jobs()];
    let next = async |after: Option<Place>| {
        let query = PageQuery { limit: PAGE, after };
        Ok(listing::page(&sets, listing::Order::Rising, &query).await?.places)
    };
    walk(cutoff, deadline, next, async |id: &JobId| freed_by(id, cutoff, dry_run).await).await
}

/// Takes the jobs from the oldest on, page by page. `next` answers those behind a place, `take` what one that is old gave.
async fn walk(
    cutoff: i64,
    deadline: i64,
    mut next: impl AsyncFnMut(Option<Place>) -> Result<Vec<Place>, Failure>,
    mut take: impl AsyncFnMut(&JobId) -> Result<Option<Freed>, Failure>,
) -> Result<Tally, Failure> {
    let (mut tally, mut after) = (Tally::default(), None);
    loop {
        let page = next(after).await?;
        let Some(last) = page.last().cloned() else { return Ok(tally) };
        for place in page {
            // A job ends after it was made: what was made later cannot be old.
            if place.score > cutoff {
                return Ok(tally);
            }
            if tally.jobs.len() == MOST_REMOVED || clock::now_ms() > deadline {
                tally.more = true;
                return Ok(tally);
            }
            let Ok(id) = JobId::parse(&place.member) else { continue };
            let Some(freed) = take(&id).await? else { continue };
            tally.files += freed.deleted;
            tally.bytes += freed.freed_bytes;
            tally.jobs.push(id);
        }
        after = Some(last);
    }
}

/// What removing a job freed, or would free; nothing when it is to stay.
async fn freed_by(id: &JobId, cutoff: i64, dry_run: bool) -> Result<Option<Freed>, Failure> {
    let record = redis::run(&ReadJob(id)).await?;
    if !is_old(record.as_ref(), cutoff) {
        return Ok(None);
    }
    let removal = if dry_run { Removal::Done(delete::held(id).await?) } else { delete::remove(id, false).await? };
    Ok(match removal {
        Removal::Done(freed) | Removal::NotFound(freed) => Some(freed),
        Removal::Running => None,
    })
}

fn is_old(record: Option<&JobRecord>, cutoff: i64) -> bool {
    record.is_none_or(|job| job.ended_at.is_some_and(|ended| ended <= cutoff))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(text: &str) -> Order {
        Order::read(&serde_json::from_str(text).unwrap(), &Query::default()).unwrap()
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
    fn a_word_that_is_not_understood_deletes_nothing() {
        for bad in [r#"{"dryRun": true}"#, r#"{"dry_run": null}"#, r#"{"hours": "1"}"#, r#"{"hour": 1}"#] {
            assert!(serde_json::from_str::<Sent>(bad).is_err(), "{bad}");
        }
        let read = |body: &str, query: &str| Order::read(&serde_json::from_str(body).unwrap(), &Query::parse(query));
        for (body, query) in [
            ("{}", "dryRun=true"),
            ("{}", "dry_run=maybe"),
            ("{}", "hours=x"),
            ("{}", "dry_run=true&dry_run=false"),
            (r#"{"dry_run": false}"#, "dry_run=true"),
            (r#"{"hours": 1, "older_than_hours": 2}"#, ""),
            (r#"{"hours": 1}"#, "older_than_hours=2"),
        ] {
            assert_eq!(read(body, query).unwrap_err().status(), 422, "{body} {query}");
        }
        for (body, query) in [
            ("{}", "dry_run&hours=2"),
            (r#"{"hours": 2, "older_than_hours": 2.0}"#, "dry_run=true"),
            (r#"{"dry_run": true, "hours": 2}"#, "older_than_hours=2&dry_run=1"),
        ] {
            let order = read(body, query).unwrap();
            assert_eq!((order.older_than_hours, order.dry_run), (2.0, true), "{body} {query}");
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

    /// Walks over jobs made a millisecond apart, of which `old` says which are old; answers what came of it.
    fn walked(jobs: u32, deadline: i64, old: impl Fn(usize) -> bool) -> Tally {
        let ids: Vec<JobId> = (0..jobs).map(|n| JobId::parse(&format!("{n:032x}")).unwrap()).collect();
        let next = async |after: Option<Place>| {
            let from = after.map_or(0, |place| usize::try_from(place.score).unwrap() + 1);
            let places = ids.iter().enumerate().skip(from).take(PAGE);
            Ok(places.map(|(n, id)| Place { score: n as i64, member: id.to_string() }).collect())
        };
        let take = async |id: &JobId| {
            let number = ids.iter().position(|known| known == id).unwrap();
            Ok(old(number).then_some(Freed { deleted: 2, freed_bytes: 10 }))
        };
        futures::executor::block_on(walk(i64::from(jobs) - 10, deadline, next, take)).ok().unwrap()
    }

    #[test]
    fn old_jobs_behind_many_that_stay_are_reached() {
        let tally = walked(5000, i64::MAX, |number| number >= 4900);
        assert_eq!((tally.jobs.len(), tally.files, tally.bytes), (91, 182, 910), "up to the cutoff");
        assert!(!tally.more, "there is none behind them");
        let tally = walked(5000, i64::MAX, |number| number % 2 == 0);
        assert_eq!((tally.jobs.len(), tally.more), (MOST_REMOVED, true));
        assert!(walked(5000, 0, |_| true).more, "a call has its time");
        assert!(!walked(0, i64::MAX, |_| true).more);
    }

    #[test]
    fn a_job_whose_record_expired_is_old() {
        assert!(is_old(None, 0));
    }
}
