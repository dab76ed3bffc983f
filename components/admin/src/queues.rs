//! `GET /admin/queues`, and pausing one: how many files wait, run, are to be tried again or have failed for good.

use image2model_domain::Problem;
use image2model_domain::commands::{PauseQueue, QueueState, QueueStates, ReadQueues};
use image2model_domain::queue::Queue;
use image2model_domain::time::rfc3339;
use image2model_kit::{Context, Failure, Reply, clock, redis, reply};
use serde_json::{Value, json};

use crate::{audit, breaker};

/// Answers how every queue stands.
pub(crate) async fn list(context: Context) -> Result<Reply, Failure> {
    audit::asked(&context, &json!({}));
    reply::json(200, &overview(&redis::run(&ReadQueues).await?, clock::now_ms()))
}

/// What `/admin/queues` answers, and `/admin/system-info` shows.
pub(crate) fn overview(states: &QueueStates, now_ms: i64) -> Value {
    let sum = |of: fn(&QueueState) -> u64| states.queues.iter().map(of).sum::<u64>();
    json!({
        "queues": states.queues.iter().map(shown).collect::<Vec<_>>(),
        "totals": {
            "waiting": sum(|q| q.waiting),
            "running": sum(|q| q.running),
            "delayed": sum(|q| q.delayed),
            "dead": states.dead,
            "orphans": states.orphans,
        },
        "breaker": breaker::shown(states.breaker.as_ref(), now_ms),
    })
}

fn shown(state: &QueueState) -> Value {
    json!({
        "name": state.queue,
        "paused": state.paused_since.is_some(),
        "paused_since": state.paused_since.map(rfc3339),
        "waiting": state.waiting,
        "longest_wait_seconds": state.longest_wait_ms / 1000,
        "running": state.running,
        "delayed": state.delayed,
    })
}

/// `POST /admin/queues/{name}/pause`: nothing more is taken from it; what runs goes on.
pub(crate) async fn pause(context: Context) -> Result<Reply, Failure> {
    set(context, true).await
}

/// `POST /admin/queues/{name}/resume`.
pub(crate) async fn resume(context: Context) -> Result<Reply, Failure> {
    set(context, false).await
}

async fn set(context: Context, pause: bool) -> Result<Reply, Failure> {
    let queue = named(context.param("name"))?;
    audit::asked(&context, &json!({ "queue": queue, "pause": pause }));
    let done = redis::run(&PauseQueue { queue, pause }).await?;
    let body = json!({
        "name": queue,
        "paused": done.since.is_some(),
        "paused_since": done.since.map(rfc3339),
        "changed": done.changed,
        "message": message(pause, done.changed),
    });
    audit::done(&context, &body);
    reply::json(200, &body)
}

fn message(pause: bool, changed: bool) -> &'static str {
    match (pause, changed) {
        (true, true) => "The queue is paused: what waits stays, what runs goes on",
        (true, false) => "The queue was paused already",
        (false, true) => "The queue goes on; workers look within a few seconds",
        (false, false) => "The queue was not paused",
    }
}

fn named(name: &str) -> Result<Queue, Problem> {
    let known = Queue::ALL.map(Queue::as_str).join(", ");
    Queue::parse(name)
        .ok_or_else(|| Problem::new(404, "QUEUE_NOT_FOUND", format!("There is no such queue; there are {known}.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_the_queues_and_tells_how_long_they_stand_still() {
        let state = |queue, paused_since| QueueState {
            queue,
            paused_since,
            waiting: 2,
            longest_wait_ms: 1999,
            running: 1,
            delayed: 0,
        };
        let queues = vec![state(Queue::BatchProcessing, Some(0)), state(Queue::ModelGeneration, None)];
        let shown = overview(&QueueStates { dead: 3, orphans: 1, breaker: None, queues }, 0);
        assert_eq!(shown["totals"], json!({ "waiting": 4, "running": 2, "delayed": 0, "dead": 3, "orphans": 1 }));
        assert_eq!(shown["queues"][0]["paused_since"], "1970-01-01T00:00:00.000Z");
        assert_eq!(
            (&shown["queues"][1]["paused"], &shown["queues"][1]["longest_wait_seconds"]),
            (&json!(false), &json!(1))
        );
        assert_eq!(named("celery").unwrap_err().status(), 404);
    }
}
