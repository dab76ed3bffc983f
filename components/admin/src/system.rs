//! `GET /admin/system-info`: what runs, what waits, and where the limits are near.

use std::collections::BTreeSet;

use futures::try_join;
use image2model_kit::{Context, Failure, Reply, redis, reply};
use serde_json::{Value, json};

use crate::{audit, probe, redis_info, workers};

/// Answers all of it.
pub(crate) async fn info(context: Context) -> Result<Reply, Failure> {
    audit::asked(&context, &json!({}));
    let keys = redis::keys();
    let providers = keys.providers();
    let names = [providers.as_str()];
    let (facts, alive, queues, jobs, providers) = try_join!(
        redis_info::facts(),
        workers::alive(),
        queues(),
        count("ZCARD", keys.jobs()),
        redis::texts("HKEYS", &names),
    )?;
    let report = probe::report().await;
    let hosts: BTreeSet<&str> = alive.iter().filter_map(workers::Worker::host).collect();
    let disk = report.checks.iter().find(|c| c.name == "disk_space").map(|c| c.details.clone());
    let body = json!({
        "application": { "name": "image2model", "version": env!("CARGO_PKG_VERSION") },
        "ready": report.is_ready(),
        "hosts": hosts,
        "workers": alive.iter().map(workers::Worker::shown).collect::<Vec<_>>(),
        "providers": providers,
        "fal": { "mode": workers::fal_mode(&alive), "breaker": workers::fal_breaker(&alive) },
        "queues": queues,
        "jobs": { "known": jobs },
        "redis": facts,
        "disk": disk,
    });
    reply::json(200, &body)
}

/// How many files are in each state of the queue.
async fn queues() -> Result<Value, redis::RedisError> {
    let keys = redis::keys();
    let (waiting, running, delayed, dead) = try_join!(
        count("GET", keys.queue_depth()),
        count("ZCARD", keys.queue_running()),
        count("ZCARD", keys.queue_delayed()),
        count("XLEN", keys.queue_dead()),
    )?;
    Ok(json!({ "waiting": waiting, "running": running, "delayed": delayed, "dead": dead }))
}

/// The number that a command answers for a key.
async fn count(command: &str, key: String) -> Result<i64, redis::RedisError> {
    redis::number(command, &[&key]).await
}
