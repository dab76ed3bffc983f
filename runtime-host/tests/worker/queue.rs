//! The queue's own transitions, seen from outside: what is repeated after a lost answer does no harm.

use std::collections::HashMap;

use anyhow::{Context, Result};
use image2model_domain::commands::{
    CancelFile, CancelOutcome, Claim, Claimed, CreateOutcome, PauseQueue, QueueState, ReadQueues,
};
use image2model_domain::queue::Queue;
use image2model_domain::{FileStatus, JobStatus};

use crate::support::Parts;

#[tokio::test]
async fn a_job_made_twice_under_one_key_is_not_taken_for_an_earlier_one() -> Result<()> {
    let parts = Parts::start().await?;
    let mut create = parts.stored(&["chair.png"])?;
    create.idempotency = Some(("key".to_owned(), "digest".to_owned()));
    assert_eq!(parts.store.run(&create).await?.outcome, CreateOutcome::Created);
    // The answer was lost and the call is repeated: whoever hears "replayed" throws its own images away.
    let again = parts.store.run(&create).await?;
    assert_eq!((again.outcome, &again.job), (CreateOutcome::Exists, &create.job));

    let mut later = parts.stored(&["chair.png"])?;
    later.idempotency.clone_from(&create.idempotency);
    let replayed = parts.store.run(&later).await?;
    assert_eq!((replayed.outcome, &replayed.job), (CreateOutcome::Replayed, &create.job));
    later.idempotency = Some(("key".to_owned(), "another digest".to_owned()));
    assert_eq!(parts.store.run(&later).await?.outcome, CreateOutcome::Conflict);
    Ok(())
}

#[tokio::test]
async fn a_paused_lane_holds_its_files_until_it_is_resumed() -> Result<()> {
    let parts = Parts::start().await?;
    let pause = |queue, pause| PauseQueue { queue, pause };
    let first = parts.store.run(&pause(Queue::BatchProcessing, true)).await?;
    assert!(first.changed && first.since.is_some());
    let again = parts.store.run(&pause(Queue::BatchProcessing, true)).await?;
    assert_eq!((again.changed, again.since), (false, first.since));

    let job = parts.upload(&["a.png", "b.png"]).await?;
    assert!(claim(&parts).await?.files.is_empty());
    let state = lane(&parts, Queue::BatchProcessing).await?;
    assert_eq!((state.waiting, state.running, state.paused_since), (2, 0, first.since));

    let worker = parts.work()?;
    assert!(parts.store.run(&pause(Queue::BatchProcessing, false)).await?.changed);
    assert_eq!(parts.ended(&job).await?.status, JobStatus::Completed);
    worker.stop().await?;
    parts.assert_at_rest().await
}

#[tokio::test]
async fn tenants_take_turns() -> Result<()> {
    let parts = Parts::start().await?;
    let batch = parts.upload(&["a.png", "b.png"]).await?;
    let mut other = parts.stored(&["d.png", "e.png"])?;
    "u".clone_into(&mut other.tenant);
    parts.store.run(&other).await?;
    let order: Vec<_> = claim(&parts).await?.files.into_iter().map(|f| f.holding.job).collect();
    assert_eq!(order.len(), 4);
    assert_eq!(order.iter().filter(|job| **job == batch).count(), 2);
    assert_ne!(order[0], order[1], "tenants take turns: {order:?}");
    assert_eq!(lane(&parts, Queue::BatchProcessing).await?.running, 4);
    Ok(())
}

#[tokio::test]
async fn one_file_is_cancelled_and_the_others_go_on() -> Result<()> {
    let parts = Parts::start().await?;
    let create = parts.stored(&["a.png", "b.png", "sim-slow.png"])?;
    parts.store.run(&create).await?;
    let cancel = |n: usize| CancelFile { job: &create.job, file: &create.files[n].id };
    let waiting = parts.store.run(&cancel(0)).await?;
    assert_eq!(waiting, CancelOutcome::Accepted { cancelled: 1, running: 0 });
    assert_eq!(parts.store.run(&cancel(0)).await?, CancelOutcome::AlreadyEnded);

    let worker = parts.work()?;
    let slow = create.files[2].id.clone();
    parts.when(&create.job, |job| job.file(&slow).is_some_and(|f| f.status == FileStatus::Processing)).await?;
    assert_eq!(parts.store.run(&cancel(2)).await?, CancelOutcome::Accepted { cancelled: 0, running: 1 });
    let job = parts.ended(&create.job).await?;
    assert_eq!((job.status, job.completed, job.cancelled), (JobStatus::PartiallyCompleted, 1, 2));
    let counters: HashMap<String, i64> =
        parts.store.query(redis::cmd("HGETALL").arg(parts.store.keys().counters())).await?;
    for (name, value) in [
        ("jobs_created", 1),
        ("open:pending", 0),
        ("open:processing", 0),
        ("jobs_ended:partially_completed", 1),
        ("files_created", 3),
        ("files_ended:completed", 1),
        ("files_ended:cancelled", 2),
    ] {
        assert_eq!(counters.get(name).copied().unwrap_or_default(), value, "{name}: {counters:?}");
    }
    worker.stop().await?;
    parts.assert_at_rest().await
}

async fn claim(parts: &Parts) -> Result<Claimed> {
    let claim = Claim {
        worker: "test".to_owned(),
        lease_ms: 60_000,
        max_running: 100,
        max_running_per_tenant: 100,
        window_size: 100,
        window_ms: 60_000,
        wanted: 10,
    };
    Ok(parts.store.run(&claim).await?)
}

async fn lane(parts: &Parts, queue: Queue) -> Result<QueueState> {
    let states = parts.store.run(&ReadQueues).await?.queues;
    states.into_iter().find(|state| state.queue == queue).context("the queue is not shown")
}
