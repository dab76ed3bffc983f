//! The queue's own transitions, seen from outside: what is repeated after a lost answer does no harm.

use std::collections::HashMap;

use anyhow::{Context, Result};
use image2model_domain::commands::{
    BreakerKind, CancelFile, CancelOutcome, Claim, CloseBreaker, Complete, CreateJob, CreateOutcome, DeleteJob,
    FinishMaintenance, HasRoom, IntendAnswer, Maintenance, PauseQueue, QueueState, ReadQueues, ReadTenants, Release,
    SetTenant, TakeMaintenance, Tenant, TripBreaker, Withdraw,
};
use image2model_domain::queue::{Priority, Queue};
use image2model_domain::{FileStatus, JobId, JobStatus};

use crate::support::Parts;
use crate::support::steps::{announce, bind, claim, claim_of, claim_some, failure};

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
async fn a_key_is_remembered_for_as_long_as_its_job_is_kept() -> Result<()> {
    let parts = Parts::start().await?;
    let mut create = parts.stored(&["chair.png"])?;
    create.idempotency = Some(("key".to_owned(), "digest".to_owned()));
    parts.store.run(&create).await?;
    let ttl = |key: String| redis::cmd("TTL").arg(key).to_owned();
    let (key, list) = ("idempotency:t:key".to_owned(), parts.store.keys().jobs_of("t"));
    assert_eq!(parts.store.query::<i64>(&ttl(key.clone())).await?, -1, "its job waits for however long");
    let holding = claim(&parts).await?.files.remove(0).holding;
    parts.store.run(&failure(&holding)).await?;
    let kept = parts.store.query::<i64>(&ttl(parts.store.keys().job(&create.job))).await?;
    assert!(kept > 0 && parts.store.query::<i64>(&ttl(key.clone())).await? == kept);
    // The list of a tenant that stays away goes, after the last of its jobs.
    assert!(parts.store.query::<i64>(&ttl(list)).await? > kept);
    parts.store.run(&DeleteJob { job: &create.job, force: false }).await?;
    assert_eq!(parts.store.query::<u32>(redis::cmd("EXISTS").arg(key)).await?, 0);
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
    parts.completed(&job).await?;
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

#[tokio::test]
async fn a_tenants_own_priorities_order_its_line_and_nothing_else() -> Result<()> {
    let parts = Parts::start().await?;
    let mut jobs = Vec::new();
    for priority in [Priority::Low, Priority::Normal, Priority::High] {
        let create = CreateJob { priority, ..parts.stored(&["a.png"])? };
        parts.store.run(&create).await?;
        jobs.push(create.job);
    }
    let other = CreateJob { tenant: "u".to_owned(), priority: Priority::Low, ..parts.stored(&["b.png"])? };
    parts.store.run(&other).await?;
    for (job, ahead) in jobs.iter().zip([2, 1, 0]) {
        assert_eq!(parts.job(job).await?.files[0].queue_position, Some(ahead));
    }
    let order: Vec<_> = claim(&parts).await?.files.into_iter().map(|file| file.holding.job).collect();
    let place = |job: &JobId| order.iter().position(|taken| taken == job).unwrap();
    assert!(place(&jobs[2]) < place(&jobs[1]) && place(&jobs[1]) < place(&jobs[0]), "{order:?}");
    assert!(place(&other.job) < 2, "another tenant does not wait for them: {order:?}");
    Ok(())
}

#[tokio::test]
async fn a_tenants_terms_are_heeded_and_forgotten() -> Result<()> {
    let parts = Parts::start().await?;
    parts.store.run(&SetTenant { tenant: "t", weight: 4.0, cap: Some(2) }).await?;
    let job = parts.upload(&["a.png", "b.png", "c.png"]).await?;
    assert_eq!(claim(&parts).await?.files.len(), 2);
    let all = ReadTenants { tenant: None, limit: 10 };
    let seen = parts.store.run(&all).await?;
    let expected =
        Tenant { tenant: "t".to_owned(), weight: 4.0, cap: Some(2), waiting: 1, running: 2, cost_micro_usd: 0 };
    assert_eq!(seen, std::slice::from_ref(&expected));
    parts.store.run(&SetTenant { tenant: "t", weight: 1.0, cap: None }).await?;
    let files = claim(&parts).await?.files;
    assert_eq!(files.len(), 1);
    let done = Complete { holding: &files[0].holding, fields: Vec::new(), cost_micro_usd: 250_000 };
    parts.store.run(&done).await?;
    let one = parts.store.run(&ReadTenants { tenant: Some("t"), limit: 1 }).await?;
    assert_eq!(one, [Tenant { weight: 1.0, cap: None, waiting: 0, cost_micro_usd: 250_000, ..expected }]);
    assert_eq!(parts.job(&job).await?.files.iter().map(|file| file.cost_micro_usd).sum::<u64>(), 250_000);
    Ok(())
}

#[tokio::test]
async fn turns_follow_the_weights() -> Result<()> {
    let parts = Parts::start().await?;
    parts.store.run(&SetTenant { tenant: "t", weight: 3.0, cap: None }).await?;
    let names = ["1.png", "2.png", "3.png", "4.png", "5.png", "6.png", "7.png", "8.png"];
    let heavy = parts.upload(&names).await?;
    let light = CreateJob { tenant: "u".to_owned(), ..parts.stored(&names)? };
    parts.store.run(&light).await?;
    let files = parts.store.run(&Claim { wanted: 8, ..claim_of(10) }).await?.files;
    assert_eq!(files.iter().filter(|file| file.holding.job == heavy).count(), 6);
    Ok(())
}

#[tokio::test]
async fn an_open_breaker_holds_all_workers_and_lets_one_file_probe() -> Result<()> {
    let parts = Parts::start().await?;
    parts.upload(&["a.png", "b.png", "c.png"]).await?;
    let trip = TripBreaker { kind: BreakerKind::Account, pause_ms: 2000, longest_ms: 8000, by_submit: true };
    let early = claim_some(&parts, 1).await?.files.remove(0).holding;
    assert!(parts.store.run(&trip).await?.changed);
    let again = parts.store.run(&trip).await?;
    assert!(!again.changed && again.left_ms <= 2000, "refusals of one pause are one: {again:?}");
    let outage = TripBreaker { kind: BreakerKind::Outage, ..trip };
    assert_eq!(parts.store.run(&outage).await?.kind, BreakerKind::Account);

    let held_back = claim(&parts).await?;
    assert!(held_back.files.is_empty() && held_back.wait_ms <= 2000, "{held_back:?}");
    assert!(matches!(held_back.breaker, Some((BreakerKind::Account, 1..))), "{held_back:?}");
    assert!(matches!(announce(&parts, &early, "early").await?, IntendAnswer::HeldBack(_)));

    parts.when_queues(|states| states.breaker.is_some_and(|breaker| breaker.half_open)).await?;
    let mut probes = claim(&parts).await?.files;
    assert_eq!(probes.len(), 1, "one file to see");
    let probe = probes.remove(0).holding;
    assert!(claim(&parts).await?.files.is_empty());
    assert!(matches!(announce(&parts, &early, "early").await?, IntendAnswer::HeldBack(_)));
    assert!(!parts.store.run(&CloseBreaker { force: false }).await?, "an answer alone does not close it");

    assert_eq!(announce(&parts, &probe, "probe").await?, IntendAnswer::Go);
    let refused = parts.store.run(&trip).await?;
    assert!(refused.changed && refused.left_ms > 2000, "twice as long: {refused:?}");
    parts.store.run(&Withdraw { holding: &probe, image_url: "probe" }).await?;
    parts.store.run(&Release { holding: &probe }).await?;
    parts.when_queues(|states| states.breaker.is_some_and(|breaker| breaker.half_open)).await?;

    // Whoever announces first is the probe.
    assert_eq!(announce(&parts, &early, "early").await?, IntendAnswer::Go);
    assert!(claim(&parts).await?.files.is_empty());
    bind(&parts, &early, "early").await?;
    let free = claim(&parts).await?;
    assert_eq!((free.breaker, free.files.len()), (None, 2), "an accepted submit closes it");
    Ok(())
}

#[tokio::test]
async fn whoever_looks_a_request_up_probes_nothing_and_holds_nobody_back() -> Result<()> {
    let parts = Parts::start().await?;
    parts.upload(&["a.png", "b.png", "c.png"]).await?;
    let mut held = claim_some(&parts, 2).await?.files.into_iter().map(|file| file.holding);
    let (doubtful, known) = (held.next().context("no file")?, held.next().context("no file")?);
    announce(&parts, &doubtful, "1").await?;
    announce(&parts, &known, "2").await?;
    bind(&parts, &known, "2").await?;
    for holding in [&doubtful, &known] {
        parts.store.run(&Release { holding }).await?;
    }
    let outage = TripBreaker { kind: BreakerKind::Outage, pause_ms: 200, longest_ms: 200, by_submit: false };
    parts.store.run(&outage).await?;
    parts.when_queues(|states| states.breaker.is_some_and(|breaker| breaker.half_open)).await?;
    let files: Vec<_> = claim(&parts).await?.files.into_iter().map(|file| file.holding.file).collect();
    assert_eq!(files, [doubtful.file, known.file], "one that looks, and one to see");
    assert!(claim(&parts).await?.files.is_empty(), "the third would submit");
    Ok(())
}

#[tokio::test]
async fn clearing_away_is_done_by_one_at_a_time_when_it_is_due() -> Result<()> {
    let parts = Parts::start().await?;
    let take = |worker| TakeMaintenance { worker, task: "sweep", every_ms: 3_600_000, lease_ms: 2000 };
    let pause = |pause| PauseQueue { queue: Queue::Maintenance, pause };
    parts.store.run(&pause(true)).await?;
    assert_eq!(parts.store.run(&take("one")).await?, Maintenance::Paused);
    parts.store.run(&pause(false)).await?;
    assert_eq!(parts.store.run(&take("one")).await?, Maintenance::Run);
    assert!(matches!(parts.store.run(&take("two")).await?, Maintenance::Wait(1..=2000)));
    assert_eq!(parts.store.run(&take("one")).await?, Maintenance::Run, "it goes on");
    assert_eq!(lane(&parts, Queue::Maintenance).await?.running, 1);

    // One that died is taken over from, due or not.
    parts.when_queues(|states| states.queues.iter().all(|queue| queue.running == 0)).await?;
    assert_eq!(parts.store.run(&take("two")).await?, Maintenance::Run);
    assert!(!parts.store.run(&FinishMaintenance { worker: "one", task: "sweep" }).await?);
    assert!(parts.store.run(&FinishMaintenance { worker: "two", task: "sweep" }).await?);
    assert!(matches!(parts.store.run(&take("one")).await?, Maintenance::Wait(1_000..)), "not due for an hour");
    Ok(())
}

#[tokio::test]
async fn dead_letters_of_files_that_are_gone_are_forgotten() -> Result<()> {
    let parts = Parts::start().await?;
    let keys = parts.store.keys().clone();
    let mut failed = Vec::new();
    for name in ["a.png", "b.png", "c.png"] {
        parts.upload(&[name]).await?;
        let holding = claim(&parts).await?.files.remove(0).holding;
        parts.store.run(&failure(&holding)).await?;
        failed.push(keys.file(&holding.job, &holding.file));
    }
    // As if they had expired.
    parts.store.query::<()>(redis::cmd("DEL").arg(&failed[0]).arg(&failed[2])).await?;
    assert_eq!(parts.store.run(&ReadQueues).await?.dead, 3);
    for _ in 0..3 {
        claim(&parts).await?;
    }
    assert_eq!(parts.store.run(&ReadQueues).await?.dead, 1);
    Ok(())
}

async fn lane(parts: &Parts, queue: Queue) -> Result<QueueState> {
    let states = parts.store.run(&ReadQueues).await?.queues;
    states.into_iter().find(|state| state.queue == queue).context("the queue is not shown")
}

#[tokio::test]
async fn a_worker_that_falls_silent_before_a_submit_costs_a_file_none_of_its_time() -> Result<()> {
    let parts = Parts::start().await?;
    let id = parts.upload(&["a.png"]).await?;
    let short = || Claim { lease_ms: 1, ..claim_of(1) };
    let taken = parts.store.run(&short()).await?;
    let first = parts.job(&id).await?.files[0].first_claimed_at;
    tokio::time::sleep(std::time::Duration::from_millis(30)).await;
    let again = parts.store.run(&short()).await?;
    assert_eq!((taken.files.len(), again.files.len()), (1, 1));
    let second = parts.job(&id).await?.files[0].first_claimed_at;
    assert!(first.is_some() && second > first, "{first:?} {second:?}");
    // What has been announced goes on from where it began.
    announce(&parts, &again.files[0].holding, "url").await?;
    tokio::time::sleep(std::time::Duration::from_millis(30)).await;
    parts
        .store
        .query::<()>(
            redis::cmd("ZADD")
                .arg(format!("{}queue:running", parts.store.keys().prefix()))
                .arg("XX")
                .arg(0)
                .arg(format!("{id}/{}", again.files[0].holding.file)),
        )
        .await?;
    assert_eq!(claim(&parts).await?.files.len(), 1);
    assert_eq!(parts.job(&id).await?.files[0].first_claimed_at, second);
    Ok(())
}

#[tokio::test]
async fn who_was_held_at_its_cap_puts_nobody_else_back() -> Result<()> {
    let parts = Parts::start().await?;
    parts.store.run(&SetTenant { tenant: "t", weight: 1.0, cap: Some(1) }).await?;
    let names = ["1.png", "2.png", "3.png", "4.png", "5.png", "6.png", "7.png", "8.png", "9.png", "10.png"];
    parts.upload(&names).await?;
    let of =
        |tenant: &str| -> Result<CreateJob> { Ok(CreateJob { tenant: tenant.to_owned(), ..parts.stored(&names)? }) };
    let (busy, new) = (of("u")?, of("v")?);
    parts.store.run(&busy).await?;
    // One of theirs runs, and five of the others'.
    let first = claim_some(&parts, 6).await?.files;
    let theirs = first.iter().find(|file| file.holding.job != busy.job).context("they had no turn")?;
    let done = Complete { holding: &theirs.holding, fields: Vec::new(), cost_micro_usd: 0 };
    parts.store.run(&done).await?;
    claim_some(&parts, 1).await?;
    // Who comes now takes turns with who is there.
    parts.store.run(&new).await?;
    let next = claim_some(&parts, 6).await?.files;
    let share = next.iter().filter(|file| file.holding.job == busy.job).count();
    assert!((2..=4).contains(&share), "{share} of six for who was there");
    Ok(())
}

#[tokio::test]
async fn a_line_that_one_tenant_has_filled_takes_a_little_of_others() -> Result<()> {
    let parts = Parts::start().await?;
    let names = ["a.png"; 20];
    let of = |tenant: &str, files: usize| -> Result<CreateJob> {
        let stored = parts.stored(names.get(..files).context("so few names")?)?;
        Ok(CreateJob { tenant: tenant.to_owned(), max_waiting: 20, ..stored })
    };
    let outcome = async |create: CreateJob| anyhow::Ok(parts.store.run(&create).await?.outcome);
    let has_room = async |tenant: &str| anyhow::Ok(parts.store.run(&HasRoom { tenant, max_waiting: 20 }).await?);
    assert_eq!(outcome(of("t", 20)?).await?, CreateOutcome::Created);
    assert_eq!((has_room("t").await?, has_room("u").await?), (false, true));
    assert_eq!(outcome(of("t", 1)?).await?, CreateOutcome::QueueFull);
    assert_eq!(outcome(of("u", 3)?).await?, CreateOutcome::QueueFull);
    assert_eq!(outcome(of("u", 2)?).await?, CreateOutcome::Created);
    assert_eq!((has_room("u").await?, has_room("v").await?), (false, true));
    // However many come.
    for n in 0..9 {
        assert_eq!(outcome(of(&format!("v{n}"), 2)?).await?, CreateOutcome::Created, "{n}");
    }
    assert_eq!(outcome(of("w", 1)?).await?, CreateOutcome::QueueFull);
    Ok(())
}
