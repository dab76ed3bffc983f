//! The steps of one file as a worker takes them, and what becomes of them when another one was quicker.

use anyhow::{Context, Result};
use image2model_domain::commands::{
    AddOrphan, BindOutcome, CancelFile, Claim, DeleteJob, Fail, Heartbeat, Holding, Intend, IntendAnswer, Log,
    LookedUp, OrphanNext, Park, ReadQueues, Release, Restart, RetryFiles, RetryOutcome, SettleOrphan, StepOutcome,
    TakeOrphans, Withdraw,
};
use image2model_domain::{FileStatus, JobId, JobStatus};

use crate::support::Parts;
use crate::support::steps::{announce, answer, bind, claim, claim_of, failure, intent};

/// A job of one file that a worker holds.
async fn held(parts: &Parts) -> Result<(JobId, Holding)> {
    let job = parts.upload(&["a.png"]).await?;
    let file = claim(parts).await?.files.into_iter().next().context("nothing to claim")?;
    Ok((job, file.holding))
}

/// The same file, taken from its worker.
async fn taken_over(parts: &Parts, holding: &Holding) -> Result<Holding> {
    let entry = format!("{}/{}", holding.job, holding.file);
    parts.store.query::<()>(redis::cmd("ZADD").arg(parts.store.keys().queue_running()).arg(1).arg(entry)).await?;
    Ok(claim(parts).await?.files.into_iter().next().context("nothing to claim")?.holding)
}

async fn retry(parts: &Parts, job: &JobId, request_id: &str) -> Result<RetryOutcome> {
    Ok(parts.store.run(&RetryFiles { job, files: None, max_waiting: None, request_id }).await?)
}

#[tokio::test]
async fn the_window_is_spent_by_announcements_and_only_looked_at_by_claims() -> Result<()> {
    let parts = Parts::start().await?;
    parts.upload(&["a.png", "b.png", "c.png", "d.png"]).await?;
    let narrow = Claim { window_size: 2, ..claim_of(10) };
    let mut files = parts.store.run(&narrow).await?.files;
    assert_eq!(files.len(), 2, "as many as may be sent");
    assert!(parts.store.run(&narrow).await?.files.is_empty(), "their places are kept for them");
    let (one, two) = (files.remove(0).holding, files.remove(0).holding);
    let ask = |holding, image_url| Intend { window_size: 2, ..intent(holding, image_url) };
    assert_eq!(parts.store.run(&ask(&one, "1")).await?.answer, IntendAnswer::Go);
    // What was refused gives nothing back, and another try is another place.
    assert_eq!(parts.store.run(&Withdraw { holding: &one, image_url: "1" }).await?, StepOutcome::Done);
    assert_eq!(parts.store.run(&ask(&one, "1")).await?.answer, IntendAnswer::Go);
    let full = parts.store.run(&ask(&two, "2")).await?;
    assert!(matches!(full.answer, IntendAnswer::Wait(50_000..=60_000)), "{full:?}");
    // A file whose request is there already needs no place.
    bind(&parts, &one, "1").await?;
    parts.store.run(&Release { holding: &one }).await?;
    let again = parts.store.run(&narrow).await?;
    assert_eq!(again.files.iter().map(|file| &file.holding.file).collect::<Vec<_>>(), [&one.file]);
    Ok(())
}

#[tokio::test]
async fn what_another_redis_may_have_forgotten_is_looked_up_once() -> Result<()> {
    let parts = Parts::start().await?;
    let (_, first) = held(&parts).await?;
    assert_eq!(announce(&parts, &first, "1").await?, IntendAnswer::Go, "nothing is known of any other Redis");
    let (_, older) = held(&parts).await?;
    let identity = format!("{}queue:identity", parts.store.keys().prefix());
    parts.store.query::<()>(redis::cmd("SET").arg(identity).arg("another")).await?;
    let IntendAnswer::Doubt { since } = announce(&parts, &older, "2").await? else { panic!("no doubt") };
    assert!(matches!(announce(&parts, &older, "2").await?, IntendAnswer::Doubt { .. }), "nobody looked");
    let looked = |since| Intend { looked_up: Some(LookedUp { since, sure: true }), ..intent(&older, "2") };
    let other = parts.store.run(&looked(since - 1)).await?.answer;
    assert_eq!(other, IntendAnswer::Doubt { since }, "a look before the doubt says nothing");
    assert_eq!(parts.store.run(&looked(since)).await?.answer, IntendAnswer::Go);
    assert_eq!(announce(&parts, &older, "2").await?, IntendAnswer::Go);
    let (_, younger) = held(&parts).await?;
    assert_eq!(announce(&parts, &younger, "3").await?, IntendAnswer::Go);
    Ok(())
}

#[tokio::test]
async fn whoever_was_told_of_a_doubt_may_risk_that_one_and_it_is_counted() -> Result<()> {
    let parts = Parts::start().await?;
    let (job, holding) = held(&parts).await?;
    let doubt = format!("{}queue:doubt_since", parts.store.keys().prefix());
    let arise = |at: i64| redis::cmd("SET").arg(&doubt).arg(at).to_owned();
    let now = parts.store.run(&intent(&holding, "0")).await?.now_ms;
    parts.store.run(&Withdraw { holding: &holding, image_url: "0" }).await?;
    parts.store.query::<()>(&arise(now)).await?;
    assert_eq!(parts.store.run(&failure(&holding)).await?, StepOutcome::JobEnded);
    retry(&parts, &job, "told").await?;
    assert_eq!(parts.job(&job).await?.files[0].doubt_accepted, Some(now));
    let holding = claim(&parts).await?.files.remove(0).holding;
    assert_eq!(announce(&parts, &holding, "1").await?, IntendAnswer::Doubt { since: now }, "FAL is asked all the same");
    let risked = Intend { looked_up: Some(LookedUp { since: now, sure: false }), ..intent(&holding, "1") };
    assert_eq!(parts.store.run(&risked).await?.answer, IntendAnswer::Go);
    assert_eq!(parts.counted("possible_duplicates").await?, 1);

    // Of a doubt that arose after its failure nobody was told; nor is a request that was announced risked.
    parts.store.run(&Withdraw { holding: &holding, image_url: "1" }).await?;
    parts.store.run(&failure(&holding)).await?;
    parts.store.query::<()>(&arise(now + 60_000)).await?;
    retry(&parts, &job, "not told").await?;
    assert_eq!(parts.job(&job).await?.files[0].doubt_accepted, Some(now));
    claim(&parts).await?;
    let (other, announced) = held(&parts).await?;
    let sure = Intend { looked_up: Some(LookedUp { since: now + 60_000, sure: true }), ..intent(&announced, "2") };
    assert_eq!(parts.store.run(&sure).await?.answer, IntendAnswer::Go);
    parts.store.run(&failure(&announced)).await?;
    parts.store.query::<()>(&arise(now)).await?;
    let resumed = RetryOutcome::Queued(vec![(announced.file.clone(), Restart::Resumed)]);
    assert_eq!(retry(&parts, &other, "announced").await?, resumed);
    assert_eq!(parts.job(&other).await?.files[0].doubt_accepted, None);
    Ok(())
}

#[tokio::test]
async fn a_late_answer_is_kept_wherever_it_is_of_use() -> Result<()> {
    let parts = Parts::start().await?;
    // Another holds the file and has not sent anything.
    let (_, slow) = held(&parts).await?;
    assert_eq!(announce(&parts, &slow, "1").await?, IntendAnswer::Go);
    let next = taken_over(&parts, &slow).await?;
    assert_eq!(answer(&parts, &slow, "1").await?, BindOutcome::LeaseLost);
    assert_eq!(announce(&parts, &next, "2").await?, IntendAnswer::Bound { request_id: "r-1".to_owned() });

    // The file was given up in the meantime: whoever tries again follows the request.
    let (job, gave_up) = held(&parts).await?;
    assert_eq!(announce(&parts, &gave_up, "3").await?, IntendAnswer::Go);
    assert_eq!(parts.store.run(&failure(&gave_up)).await?, StepOutcome::JobEnded);
    assert_eq!(answer(&parts, &gave_up, "3").await?, BindOutcome::LeaseLost);
    let queued = retry(&parts, &job, "again").await?;
    assert_eq!(queued, RetryOutcome::Queued(vec![(gave_up.file.clone(), Restart::Resumed)]));
    assert_eq!(retry(&parts, &job, "again").await?, queued, "the answer was lost, and asked for again");
    assert_eq!(retry(&parts, &job, "anew").await?, RetryOutcome::NothingFailed);
    let resumed = claim(&parts).await?.files.remove(0).holding;
    let record = parts.job(&job).await?;
    assert_eq!(record.files[0].fal_request_id.as_deref(), Some("r-3"));

    // Another request of the file is known: this one is to be cancelled.
    let orphans = parts.counted("possible_duplicates").await?;
    assert_eq!(answer(&parts, &resumed, "4").await?, BindOutcome::Orphan);
    assert_eq!(parts.counted("possible_duplicates").await?, orphans + 1);
    parts.store.run(&DeleteJob { job: &job, force: true }).await?;
    assert_eq!(answer(&parts, &resumed, "5").await?, BindOutcome::Gone);
    assert!(parts.counted("fence_refusals").await? >= 1);
    Ok(())
}

#[tokio::test]
async fn policy_grants_one_new_request_and_it_is_counted() -> Result<()> {
    let parts = Parts::start().await?;
    let (job, mut holding) = held(&parts).await?;
    fn again(holding: &Holding) -> Fail<'_> {
        Fail { retry_in_ms: Some(0), resubmit: true, ..failure(holding) }
    }
    announce(&parts, &holding, "1").await?;
    let paid = Fail { retry_in_ms: Some(0), ..failure(&holding) };
    assert_eq!(parts.store.run(&again(&holding)).await?, StepOutcome::WillRetry);
    assert_eq!(parts.store.run(&paid).await?, StepOutcome::LeaseLost);
    holding = claim(&parts).await?.files.remove(0).holding;
    assert_eq!(parts.counted("possible_duplicates").await?, 0, "nothing was sent yet");
    announce(&parts, &holding, "2").await?;
    assert_eq!(parts.counted("possible_duplicates").await?, 1);
    let (_, other) = held(&parts).await?;
    announce(&parts, &other, "3").await?;
    let unresolved = Fail { retry_in_ms: Some(0), ..failure(&other) };
    assert_eq!(parts.store.run(&unresolved).await?, StepOutcome::JobEnded, "what may be paid for is not sent again");
    assert_eq!(parts.store.run(&again(&holding)).await?, StepOutcome::JobEnded, "once is once");
    let record = parts.job(&job).await?;
    assert!(record.files[0].resubmitted && record.status == JobStatus::Failed);
    Ok(())
}

#[tokio::test]
async fn a_request_that_turns_up_is_followed_and_not_paid_for_again() -> Result<()> {
    let parts = Parts::start().await?;
    let (job, slow) = held(&parts).await?;
    announce(&parts, &slow, "1").await?;
    let holding = taken_over(&parts, &slow).await?;
    assert_eq!(answer(&parts, &slow, "1").await?, BindOutcome::LeaseLost, "it is recorded all the same");
    let again = Fail { retry_in_ms: Some(0), resubmit: true, ..failure(&holding) };
    assert_eq!(parts.store.run(&again).await?, StepOutcome::WillRetry);
    let next = claim(&parts).await?.files.remove(0).holding;
    let record = parts.job(&job).await?;
    assert_eq!(record.files[0].fal_request_id.as_deref(), Some("r-1"));
    assert_eq!((record.files[0].attempts, record.files[0].resubmitted), (0, false), "nothing has failed");
    assert_eq!(announce(&parts, &next, "2").await?, IntendAnswer::Bound { request_id: "r-1".to_owned() });
    assert_eq!(parts.counted("possible_duplicates").await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_cancelled_file_is_cancelled_however_its_attempt_ends() -> Result<()> {
    let parts = Parts::start().await?;
    // While nothing was sent, a failure ends it.
    let (job, holding) = held(&parts).await?;
    parts.store.run(&CancelFile { job: &job, file: &holding.file }).await?;
    assert_eq!(announce(&parts, &holding, "1").await?, IntendAnswer::CancelRequested);
    assert_eq!(parts.store.run(&failure(&holding)).await?, StepOutcome::JobEnded);
    assert_eq!(parts.job(&job).await?.status, JobStatus::Cancelled);

    // A stopping worker ends it too.
    let (job, holding) = held(&parts).await?;
    parts.store.run(&CancelFile { job: &job, file: &holding.file }).await?;
    assert_eq!(parts.store.run(&Release { holding: &holding }).await?, StepOutcome::JobEnded);
    assert_eq!(parts.job(&job).await?.status, JobStatus::Cancelled);

    // A request that may run is cancelled first; until then the lease is kept alive.
    let (job, holding) = held(&parts).await?;
    announce(&parts, &holding, "2").await?;
    parts.store.run(&CancelFile { job: &job, file: &holding.file }).await?;
    let beat = Heartbeat { holding: &holding, lease_ms: 90_000 };
    assert_eq!(parts.store.run(&beat).await?, StepOutcome::CancelRequested);
    let lease_ends =
        redis::cmd("ZSCORE").arg(parts.store.keys().queue_running()).arg(format!("{job}/{}", holding.file)).to_owned();
    let lease_ends: f64 = parts.store.query(&lease_ends).await?;
    let claimed_at = parts.job(&job).await?.files[0].claimed_at.context("it was claimed")?;
    assert!(lease_ends >= claimed_at as f64 + 90_000.0);
    assert_eq!(parts.store.run(&failure(&holding)).await?, StepOutcome::CancelRequested);
    // Handed back, it waits for a worker that cancels its request.
    parts.store.run(&Park { holding: &holding, delay_ms: 60_000, message: "Later", deadline_anew: false }).await?;
    let next = claim(&parts).await?.files.remove(0).holding;
    assert_eq!(next.file, holding.file);
    Ok(())
}

#[tokio::test]
async fn a_parked_file_keeps_its_request_and_its_attempts() -> Result<()> {
    let parts = Parts::start().await?;
    let (job, holding) = held(&parts).await?;
    announce(&parts, &holding, "1").await?;
    bind(&parts, &holding, "1").await?;
    let park =
        Park { holding: &holding, delay_ms: 1000, message: "The model provider does not answer", deadline_anew: false };
    assert_eq!(parts.store.run(&park).await?, StepOutcome::Done);
    let file = parts.job(&job).await?.files.remove(0);
    assert_eq!((file.attempts, file.status, file.message.as_str()), (0, FileStatus::Pending, park.message));
    assert!(claim(&parts).await?.files.is_empty());
    let next = loop {
        if let Some(file) = claim(&parts).await?.files.pop() {
            break file.holding;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    assert_eq!(announce(&parts, &next, "2").await?, IntendAnswer::Bound { request_id: "r-1".to_owned() });
    let again = parts.job(&job).await?.files.remove(0);
    assert_eq!(again.first_claimed_at, file.first_claimed_at, "its deadline goes on");
    Ok(())
}

#[tokio::test]
async fn a_file_that_costs_its_workers_their_leases_is_given_up() -> Result<()> {
    let parts = Parts::start().await?;
    let (job, mut holding) = held(&parts).await?;
    let entry = format!("{job}/{}", holding.file);
    let keys = parts.store.keys().clone();
    let mut delayed = 0;
    for lost in 1..8 {
        parts.store.query::<()>(redis::cmd("ZADD").arg(keys.queue_running()).arg(1).arg(&entry)).await?;
        let mut files = claim(&parts).await?.files;
        if files.is_empty() {
            delayed += 1;
            parts.store.query::<()>(redis::cmd("ZADD").arg(keys.queue_delayed()).arg(1).arg(&entry)).await?;
            files = claim(&parts).await?.files;
        }
        assert_eq!(files[0].lost_leases, lost);
        holding = files.remove(0).holding;
    }
    assert_eq!(delayed, 5, "from the third on it waits");
    parts.store.query::<()>(redis::cmd("ZADD").arg(keys.queue_running()).arg(1).arg(&entry)).await?;
    // Even one that wants nothing takes back what is lost.
    assert!(parts.store.run(&claim_of(0)).await?.files.is_empty());
    let record = parts.job(&job).await?;
    assert_eq!(record.status, JobStatus::Failed);
    assert_eq!(record.files[0].error.as_ref().context("no error")?.code, "WORKER_LOST");
    assert_eq!(parts.store.run(&failure(&holding)).await?, StepOutcome::Gone);
    assert_eq!(parts.counted("leases_lost").await?, 8);
    parts.assert_at_rest().await
}

#[tokio::test]
async fn a_cancelled_file_that_costs_its_workers_their_leases_leaves_its_request() -> Result<()> {
    let parts = Parts::start().await?;
    let (job, holding) = held(&parts).await?;
    announce(&parts, &holding, "1").await?;
    bind(&parts, &holding, "1").await?;
    parts.store.run(&CancelFile { job: &job, file: &holding.file }).await?;
    let key = parts.store.keys().file(&job, &holding.file);
    parts.store.query::<()>(redis::cmd("HSET").arg(key).arg("lost_leases").arg(7)).await?;
    let entry = format!("{job}/{}", holding.file);
    parts.store.query::<()>(redis::cmd("ZADD").arg(parts.store.keys().queue_running()).arg(1).arg(entry)).await?;
    parts.store.run(&claim_of(0)).await?;
    assert_eq!(parts.job(&job).await?.status, JobStatus::Cancelled);
    assert_eq!(left_behind(&parts).await?, ["r-1"]);
    Ok(())
}

/// The requests that are to be cancelled.
async fn left_behind(parts: &Parts) -> Result<Vec<String>> {
    let key = parts.store.keys().queue_orphans();
    Ok(parts.store.query(redis::cmd("ZRANGE").arg(key).arg(0).arg(-1)).await?)
}

#[tokio::test]
async fn a_job_that_is_deleted_leaves_every_request_that_it_may_have() -> Result<()> {
    let parts = Parts::start().await?;
    let job = parts.upload(&["a.png", "b.png", "c.png", "d.png", "e.png"]).await?;
    let files: Vec<Holding> = claim(&parts).await?.files.into_iter().map(|file| file.holding).collect();
    for (holding, url) in files.iter().zip(["bound", "announced", "lost", "withdrawn"]) {
        announce(&parts, holding, url).await?;
    }
    bind(&parts, &files[0], "bound").await?;
    // One waits with its request, one failed and may still give a model, one was never accepted, one never sent.
    parts.store.run(&Release { holding: &files[0] }).await?;
    parts.store.run(&failure(&files[2])).await?;
    parts.store.run(&Withdraw { holding: &files[3], image_url: "withdrawn" }).await?;
    let first = parts.store.keys().job_events(&job);
    let tail = parts.store.keys().events();
    parts.store.run(&DeleteJob { job: &job, force: true }).await?;
    let mut left = left_behind(&parts).await?;
    left.sort_unstable();
    assert_eq!(left, ["announced", "lost", "r-bound"]);
    // Whoever watches is told that there is nothing more to come.
    let last: redis::streams::StreamRangeReply =
        parts.store.query(redis::cmd("XREVRANGE").arg(tail).arg("+").arg("-").arg("COUNT").arg(1)).await?;
    let last: serde_json::Value = serde_json::from_str(&last.ids[0].get::<String>("data").context("no event")?)?;
    assert_eq!((&last["type"], &last["job_id"]), (&"job".into(), &job.as_str().into()), "{last}");
    assert!(image2model_domain::event::is_last(&last), "{last}");
    assert_eq!(parts.store.query::<u32>(redis::cmd("EXISTS").arg(first)).await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_log_line_is_passed_on_once_whoever_finds_it() -> Result<()> {
    let parts = Parts::start().await?;
    let (job, first) = held(&parts).await?;
    let line = |holding, message| Log { holding, level: "INFO", message, timestamp: "2026-10-02T10:00:01" };
    for message in ["one", "two", "one"] {
        assert_eq!(parts.store.run(&line(&first, message)).await?, StepOutcome::Done);
    }
    let next = taken_over(&parts, &first).await?;
    for message in ["one", "two", "three"] {
        assert_eq!(parts.store.run(&line(&next, message)).await?, StepOutcome::Done);
    }
    let events = parts.events(&job).await?;
    let told: Vec<&str> =
        events.iter().filter(|event| event["type"] == "log").filter_map(|event| event["message"].as_str()).collect();
    assert_eq!(told, ["one", "two", "three"]);
    let all: Vec<String> = parts.store.query(redis::cmd("KEYS").arg(format!("*{job}*:logs"))).await?;
    parts.store.run(&failure(&next)).await?;
    assert!(parts.store.query::<i64>(redis::cmd("TTL").arg(&all[0])).await? > 0, "it stays when its job expires");
    Ok(())
}

#[tokio::test]
async fn orphans_are_handed_out_until_they_are_settled() -> Result<()> {
    let parts = Parts::start().await?;
    let add = AddOrphan {
        endpoint: "tripo3d/tripo",
        request_id: None,
        image_url: Some("https://v3.fal.media/a.png"),
        job: "j",
        file: "f",
        intended_at: 7,
        delay_ms: 0,
        told: false,
    };
    parts.store.run(&add).await?;
    parts.store.run(&add).await?;
    let take = TakeOrphans { lease_ms: 60_000, most: 10 };
    let taken = parts.store.run(&take).await?;
    assert_eq!((taken.len(), taken[0].tries, taken[0].intended_at), (1, 1, 7));
    assert_eq!((&taken[0].request_id, taken[0].image_url.as_deref()), (&None, add.image_url));
    assert!(parts.store.run(&take).await?.is_empty());
    let settle = |next| SettleOrphan { id: &taken[0].id, next };
    let open = async || anyhow::Ok(parts.store.run(&ReadQueues).await?.orphans);
    assert_eq!(open().await?, 1);
    parts.store.run(&settle(OrphanNext::Again { in_ms: 0, told: true, denied: false })).await?;
    assert_eq!(parts.store.run(&take).await?[0].tries, 2);
    assert_eq!(open().await?, 0, "it is to stop: that it has is only waited for");
    for (denied, denials) in [(true, 1), (true, 2), (false, 0)] {
        parts.store.run(&settle(OrphanNext::Again { in_ms: 0, told: false, denied })).await?;
        assert_eq!(parts.store.run(&take).await?[0].denials, denials, "those in a row count");
    }
    for _ in 0..2 {
        parts.store.run(&settle(OrphanNext::Done { cost_micro_usd: 300 })).await?;
        // Who hears of it late finds it settled.
        parts.store.run(&add).await?;
    }
    assert_eq!(parts.counted("cost_micro_usd").await?, 300, "said twice, it counts once");
    let key = parts.store.keys().queue_orphans();
    assert_eq!(parts.store.query::<u32>(redis::cmd("EXISTS").arg(key)).await?, 0);
    Ok(())
}
