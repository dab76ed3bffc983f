//! The checks behind readiness: each really made, each bounded to a second, the whole kept for two.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use futures::join;
use image2model_domain::commands::{Breaker, QueueStates, ReadQueues};
use image2model_domain::queue::Queue;
use image2model_kit::{blobs, clock, redis};
use serde_json::{Value, json};

use crate::breaker;
use crate::hosts::workers::{self, Worker};

/// A check that takes longer has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);
/// A report is good for this long, so that a probe every second costs one round of checks in two.
const KEPT_MS: i64 = 2000;

/// How a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    Ok,
    /// Something to look at; requests are still answered.
    Degraded,
    Failed,
}

impl Health {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Degraded => "degraded",
            Self::Failed => "failed",
        }
    }

    /// The same in the original's words.
    pub(crate) fn original_word(self) -> &'static str {
        match self {
            Self::Ok => "healthy",
            Self::Degraded => "degraded",
            Self::Failed => "unhealthy",
        }
    }
}

/// One check's result.
#[derive(Debug, Clone)]
pub(crate) struct Check {
    pub(crate) name: &'static str,
    pub(crate) health: Health,
    /// Without it the service is not ready.
    pub(crate) needed: bool,
    pub(crate) took_ms: i64,
    pub(crate) details: Value,
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Report {
    made_at_ms: i64,
    pub(crate) fal_mode: &'static str,
    pub(crate) checks: Vec<Check>,
    /// How the queues stand; `None` while Redis does not say.
    pub(crate) queues: Option<QueueStates>,
    pub(crate) workers: Vec<Worker>,
}

impl Report {
    /// Nothing that is needed has failed.
    pub(crate) fn is_ready(&self) -> bool {
        !self.checks.iter().any(|c| c.needed && c.health == Health::Failed)
    }

    /// Everything is as it should be, and nothing is held back.
    pub(crate) fn is_healthy(&self) -> bool {
        self.checks.iter().all(|c| c.health == Health::Ok) && self.paused_queues().is_empty()
    }

    /// One word for all of it.
    pub(crate) fn word(&self) -> &'static str {
        match (self.is_ready(), self.is_healthy()) {
            (false, _) => "unhealthy",
            (true, false) => "degraded",
            (true, true) => "healthy",
        }
    }

    /// Queues that an operator holds back.
    pub(crate) fn paused_queues(&self) -> Vec<Queue> {
        let queues = self.queues.iter().flat_map(|states| &states.queues);
        queues.filter(|state| state.paused_since.is_some()).map(|state| state.queue).collect()
    }

    /// What holds submits back, while something does.
    pub(crate) fn breaker(&self) -> Option<&Breaker> {
        self.queues.as_ref()?.breaker.as_ref()
    }

    /// The named check.
    pub(crate) fn check(&self, name: &str) -> Option<&Check> {
        self.checks.iter().find(|check| check.name == name)
    }
}

thread_local! {
    static KEPT: RefCell<Option<Rc<Report>>> = const { RefCell::new(None) };
}

/// The newest report, made now unless it is less than two seconds old.
pub(crate) async fn report() -> Rc<Report> {
    let now = clock::now_ms();
    let fresh = |report: &Rc<Report>| (0..KEPT_MS).contains(&(now - report.made_at_ms));
    if let Some(report) = KEPT.with_borrow(|kept| kept.clone().filter(fresh)) {
        return report;
    }
    let report = Rc::new(make(now).await);
    KEPT.with_borrow_mut(|kept| *kept = Some(Rc::clone(&report)));
    report
}

async fn make(made_at_ms: i64) -> Report {
    let (ping, alive, store, queues) =
        join!(timed(redis::ping()), timed(workers::alive()), timed(blobs::health()), timed(redis::run(&ReadQueues)),);
    let workers = alive.found.clone().unwrap_or_default();
    let checks = vec![
        of_redis(&ping),
        of_workers(&alive),
        of_fal(&workers, queues.found.as_ref().and_then(|states| states.breaker.as_ref()), alive.took_ms),
        of_blob_store(&store),
        of_disk(&store),
    ];
    Report { made_at_ms, fal_mode: workers::fal_mode(&workers), checks, queues: queues.found, workers }
}

/// What a check found, `None` when it failed or took too long.
struct Timed<T> {
    found: Option<T>,
    took_ms: i64,
}

async fn timed<T, E>(work: impl Future<Output = Result<T, E>>) -> Timed<T> {
    let begun = clock::now_ms();
    let found = clock::within(PATIENCE, work).await.and_then(Result::ok);
    Timed { found, took_ms: clock::now_ms() - begun }
}

fn of_redis(ping: &Timed<()>) -> Check {
    let health = if ping.found.is_some() { Health::Ok } else { Health::Failed };
    Check { name: "redis", health, needed: true, took_ms: ping.took_ms, details: json!({}) }
}

/// Without workers uploads are taken in and wait.
fn of_workers(alive: &Timed<Vec<Worker>>) -> Check {
    let count = alive.found.as_ref().map_or(0, Vec::len);
    let health = if count > 0 { Health::Ok } else { Health::Degraded };
    Check { name: "workers", health, needed: false, took_ms: alive.took_ms, details: json!({ "alive": count }) }
}

/// The workers ask FAL.AI, with the key and without; what they found last is looked at here.
/// The breaker is theirs in common.
fn of_fal(workers: &[Worker], breaker: Option<&Breaker>, took_ms: i64) -> Check {
    let mode = workers::fal_mode(workers);
    let breaker = match breaker {
        Some(open) => breaker::word(open),
        None => workers::fal_breaker(workers),
    };
    let reachable = workers::fal_reachable(workers);
    let fine = breaker == "closed" && reachable != Some(false);
    let health = if fine { Health::Ok } else { Health::Degraded };
    let details = json!({ "mode": mode, "breaker": breaker, "reachable": reachable });
    Check { name: "fal_api", health, needed: false, took_ms, details }
}

fn of_blob_store(store: &Timed<Value>) -> Check {
    let ok = store.found.as_ref().is_some_and(|answer| answer.get("status") == Some(&json!("ok")));
    let health = if ok { Health::Ok } else { Health::Failed };
    Check { name: "blob_store", health, needed: true, took_ms: store.took_ms, details: json!({}) }
}

/// As the store judges it, which refuses uploads by the same judgement. One that does not know its disk, like S3, has room.
fn of_disk(store: &Timed<Value>) -> Check {
    let disk = store.found.as_ref().and_then(|answer| answer.get("disk")).cloned().unwrap_or(Value::Null);
    let refuses = disk.get("takes_uploads") == Some(&json!(false));
    let health = if store.found.is_none() || refuses { Health::Failed } else { Health::Ok };
    let details = if disk.is_null() { json!({}) } else { disk };
    Check { name: "disk_space", health, needed: true, took_ms: store.took_ms, details }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<T>(found: Option<T>) -> Timed<T> {
        Timed { found, took_ms: 1 }
    }

    fn disk(takes_uploads: bool) -> Timed<Value> {
        found(Some(json!({ "status": "ok", "disk": { "free_bytes": 1, "takes_uploads": takes_uploads } })))
    }

    #[test]
    fn needs_redis_the_store_and_room_but_no_worker() {
        let report = |checks| Report { made_at_ms: 0, fal_mode: "unknown", checks, queues: None, workers: vec![] };
        let redis = || of_redis(&found(Some(())));
        let idle = report(vec![redis(), of_workers(&found(Some(vec![]))), of_disk(&disk(true))]);
        assert!(idle.is_ready() && !idle.is_healthy());
        assert!(!report(vec![redis(), of_disk(&disk(false))]).is_ready());
        assert!(!report(vec![of_redis(&found(None))]).is_ready());
        assert!(!report(vec![redis(), of_blob_store(&found(None))]).is_ready());
        assert!(report(vec![of_disk(&found(Some(json!({ "status": "ok" }))))]).is_ready());
    }
}
