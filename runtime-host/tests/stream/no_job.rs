//! Streams of tasks that no job has: they wait as Celery's do, within the bounds of all streams.

use std::time::Duration;

use image2model_domain::JobId;
use image2model_host::stream::{Budget, Level, Limits};

use super::client::{listen, send};
use super::world::{World, plain, task};

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_nobody_knows_waits_until_the_client_has_had_enough() {
    let world = World::limited(Limits { heartbeat: Duration::from_millis(300), ..Limits::default() }).await;
    let unknown = JobId::from_random([0xab; 16]);
    let path = format!("{}?timeout=1", task(&unknown));
    let events = listen(world.addr, &path, None).await.rest().await;
    let (first, last) = (events.first().unwrap(), events.last().unwrap());
    assert_eq!((first.kind(), last.kind()), ("task_queued", "connection_timeout"));
    assert!(events.len() > 2 && events[1..events.len() - 1].iter().all(|event| event.kind() == "heartbeat"));
    assert_eq!((&first.data["status"], &first.data["state"]), (&"queued".into(), &"PENDING".into()));
    assert_eq!((&first.data["progress"], &first.data["job_id"]), (&0.into(), &serde_json::Value::Null));
    assert!(events.iter().all(|event| event.data["task_id"] == unknown.as_task_id()));
    // Who connects again goes on where they were.
    let mut again = listen(world.addr, &path, Some(&last.id)).await;
    assert_eq!(again.status, 200);
    assert!(again.rest().await.iter().all(|event| event.kind() != "task_queued"));
    let of_another = listen(world.addr, &path, Some("abc-500-1")).await.rest().await;
    assert_eq!(of_another[0].kind(), "task_queued");
    world.until_open(0).await;
    assert!(world.streams.hub().is_empty());
    // The seeds' form knows jobs only.
    assert_eq!(send(world.addr, "GET", &plain(&unknown), &[]).await.status, 404);
    assert_eq!(send(world.addr, "HEAD", &task(&unknown), &[]).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_told_by_the_name_it_was_asked_for() {
    let world = World::new().await;
    let (unknown, job) = (JobId::from_random([0xab; 16]), world.finished().await);
    let without_dashes = |job: &JobId| format!("/api/v1/status/tasks/{}/stream?timeout=1", job.as_str().to_uppercase());
    for job in [&unknown, &job] {
        let events = listen(world.addr, &without_dashes(job), None).await.rest().await;
        assert!(events.iter().all(|event| event.data["task_id"] == job.as_str()), "{events:?}");
    }
    // Both forms of one job at once: each its own, though they share its events.
    let (job, held) = world.running(1).await;
    let mut dashes = listen(world.addr, &task(&job), None).await;
    let mut none = listen(world.addr, &without_dashes(&job), None).await;
    dashes.take(2).await;
    none.take(2).await;
    world.complete(&held[0]).await;
    assert!(dashes.rest().await.iter().all(|event| event.data["task_id"] == job.as_task_id()));
    assert!(none.rest().await.iter().all(|event| event.data["task_id"] == job.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_shows_a_key_is_asked_for_it_again_whatever_timeout_is_wished() {
    let world = World::limited(Limits { max_age: Duration::from_millis(300), ..Limits::default() }).await;
    let path = format!("{}?timeout=1", task(&JobId::from_random([0xac; 16])));
    for (shown, kinds) in
        [(&[("authorization", "stranger")][..], &["task_queued"][..]), (&[], &["task_queued", "connection_timeout"])]
    {
        let events = send(world.addr, "GET", &path, shown).await.rest().await;
        assert_eq!(events.iter().map(|event| event.kind().to_owned()).collect::<Vec<_>>(), kinds);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_counted_like_any_other_and_is_renewed_like_any_other() {
    let limits = Limits { per_key: 1, max_age: Duration::from_millis(300), ..Limits::default() };
    let world = World::limited(limits).await;
    let unknown = JobId::from_random([9; 16]);
    let stranger = [("authorization", "stranger")];
    let mut held = send(world.addr, "GET", &task(&unknown), &stranger).await;
    assert_eq!((held.status, held.headers["x-frame-options"].as_bytes()), (200, &b"DENY"[..]));
    let asked: Vec<_> = world.guard.asked.lock().unwrap().drain(..).map(|f| (f.level, f.budget, f.job_id)).collect();
    let job = Some(unknown.to_string());
    assert_eq!(asked, [(Level::Owner, Budget::Stream, job), (Level::User, Budget::Uncounted, None)]);
    assert_eq!(
        send(world.addr, "GET", &task(&unknown), &stranger).await.problem().await["error_code"],
        "TOO_MANY_STREAMS"
    );
    assert_eq!(send(world.addr, "GET", &plain(&unknown), &stranger).await.status, 404);
    assert_eq!(send(world.addr, "GET", &task(&unknown), &[("authorization", "nobody")]).await.status, 403);
    let seen: Vec<String> = held.rest().await.iter().map(|event| event.kind().to_owned()).collect();
    assert_eq!(seen, ["task_queued"], "closed by its age");
    world.until_open(0).await;
    assert_eq!(send(world.addr, "GET", &task(&unknown), &stranger).await.status, 200);
}
