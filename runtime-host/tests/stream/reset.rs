//! A place that is gone is told in-band, and the present state follows: never silence.

use super::client::{Event, listen};
use super::world::{World, plain, task};

async fn begins_anew(world: &World, path: &str, id: &str, reason: &str) -> Vec<Event> {
    let mut client = listen(world.addr, path, Some(id)).await;
    assert_eq!(client.status, 200);
    let events = client.take(3).await;
    assert_eq!(events[0].data["type"], "reset", "{id}");
    assert_eq!(events[0].data["reason"], reason, "{id}");
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_place_is_answered_with_a_reset_and_the_state() {
    let world = World::new().await;
    let (job, held) = world.running(2).await;
    let (other, _) = world.running(1).await;
    world.progress(&held[0], 20).await;
    world.progress(&held[0], 25).await;
    let (kept, epoch) = (world.kept(&job).await, world.epoch(&job).await);
    let elsewhere = world.kept(&other).await.remove(0);
    let never = format!("{epoch}-5-0");
    let ahead = format!("{epoch}-9999999999999-0");
    for (id, reason) in [
        ("17", "unknown_id"),
        ("\u{e9}", "unknown_id"),
        (elsewhere.as_str(), "other_stream"),
        (ahead.as_str(), "ahead"),
        (never.as_str(), "not_kept"),
    ] {
        let events = begins_anew(&world, &plain(&job), id, reason).await;
        assert_eq!(events[0].name, None);
        assert_eq!(events[1].data["progress"], 25);
        assert_eq!(events[2].id, kept[2]);
        let named = begins_anew(&world, &task(&job), id, reason).await;
        assert_eq!(named[0].name.as_deref(), Some("reset"));
        assert_eq!(named[1].kind(), "file_update");
    }
    world.trim(&job, 1).await;
    begins_anew(&world, &plain(&job), &kept[0], "not_kept").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_reset_the_stream_goes_on() {
    let world = World::new().await;
    let (job, held) = world.running(1).await;
    let mut client = listen(world.addr, &plain(&job), Some("gone")).await;
    let reset = client.take(2).await;
    world.complete(&held[0]).await;
    let rest = client.rest().await;
    assert_eq!(rest.iter().map(|e| e.kind()).collect::<Vec<_>>(), ["completed", "job"]);
    // A drop right after the reset: the client has been told, and gets the state.
    let again = listen(world.addr, &plain(&job), Some(&reset[0].id)).await.rest().await;
    assert_eq!(again.iter().map(|e| e.kind()).collect::<Vec<_>>(), ["completed", "job"]);
    assert_eq!(world.streams.stats().resets, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_job_resets_tells_its_end_and_closes() {
    let world = World::new().await;
    let job = world.finished().await;
    let events = listen(world.addr, &plain(&job), Some("gone")).await.rest().await;
    assert_eq!(events.iter().map(|e| e.kind()).collect::<Vec<_>>(), ["reset", "completed", "error", "job"]);
}
