//! Caps, heartbeats, the client's own timeout, and age.

use std::time::Duration;

use image2model_host::stream::Limits;

use super::client::{listen, send};
use super::world::{World, plain, task};

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_too_late_is_refused_and_nobody_is_evicted() {
    let world = World::limited(Limits { per_job: 2, per_key: 3, ..Limits::default() }).await;
    let (job, held) = world.running(1).await;
    let (mut one, mut two) =
        (listen(world.addr, &plain(&job), None).await, listen(world.addr, &task(&job), None).await);
    let refused = listen(world.addr, &plain(&job), None).await;
    assert_eq!(refused.status, 503);
    assert!(refused.headers.contains_key("retry-after"));
    assert_eq!(refused.headers["x-frame-options"], "DENY");
    assert_eq!(refused.problem().await["error_code"], "TOO_MANY_STREAMS");
    world.complete(&held[0]).await;
    assert_eq!(one.rest().await.last().unwrap().kind(), "job");
    assert_eq!(two.rest().await.last().unwrap().kind(), "task_completed");
    world.until_open(0).await;
    assert_eq!(world.streams.stats().refused, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_comes_back_when_its_client_goes_away() {
    let world = World::limited(Limits { per_key: 1, ..Limits::default() }).await;
    let (job, other) = (world.job(1).await, world.job(1).await);
    let as_a = [("authorization", "key:a")];
    let client = send(world.addr, "GET", &plain(&job), &as_a).await;
    assert_eq!(send(world.addr, "GET", &plain(&other), &as_a).await.status, 503);
    assert_eq!(send(world.addr, "GET", &plain(&other), &[("authorization", "key:b")]).await.status, 200);
    drop(client);
    world.until_open(0).await;
    assert_eq!(send(world.addr, "GET", &plain(&other), &as_a).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_broken_by_heartbeats() {
    let world = World::limited(Limits { heartbeat: Duration::from_millis(20), ..Limits::default() }).await;
    let (job, held) = world.running(1).await;
    let newest = world.kept(&job).await.pop().unwrap();
    let mut named = listen(world.addr, &task(&job), None).await;
    let mut plain = listen(world.addr, &plain(&job), None).await;
    let events = named.take(4).await;
    assert_eq!((events[2].kind(), events[3].kind()), ("heartbeat", "heartbeat"));
    assert_eq!(events[3].id, newest);
    assert_eq!(events[3].data["task_id"], job.as_task_id());
    tokio::time::sleep(Duration::from_millis(100)).await;
    world.complete(&held[0]).await;
    plain.rest().await;
    assert!(plain.comments > 0 && named.comments >= 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_named_form_lets_a_client_go_when_it_asked_for_that() {
    let world = World::new().await;
    let job = world.job(1).await;
    let newest = world.kept(&job).await.pop().unwrap();
    let events = listen(world.addr, &format!("{}?timeout=1", task(&job)), None).await.rest().await;
    let last = events.last().unwrap();
    assert_eq!((last.kind(), last.id.as_str()), ("connection_timeout", newest.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_connection_ends_and_its_successor_misses_nothing() {
    let world = World::limited(Limits { max_age: Duration::from_millis(200), ..Limits::default() }).await;
    let (job, held) = world.running(1).await;
    let seen = listen(world.addr, &plain(&job), None).await.rest().await;
    world.complete(&held[0]).await;
    let events = listen(world.addr, &plain(&job), Some(&seen[0].id)).await.rest().await;
    assert_eq!(events.iter().map(|e| e.kind()).collect::<Vec<_>>(), ["completed", "job"]);
}
