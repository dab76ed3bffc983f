//! When the hub misses events, a listener falls behind it, or Redis goes away: listeners read the stream again.

use std::time::Duration;

use image2model_host::stream::Limits;

use super::client::{ids, listen};
use super::world::{World, plain};

#[tokio::test(flavor = "multi_thread")]
async fn what_the_tail_missed_is_read_again() {
    let world = World::with(Limits::default(), false).await;
    let (job, held) = world.running(1).await;
    let mut client = listen(world.addr, &plain(&job), None).await;
    client.take(1).await;
    world.progress(&held[0], 10).await;
    world.progress(&held[0], 20).await;
    world.streams.hub().gap();
    let kept = world.kept(&job).await;
    assert_eq!(ids(&client.take(2).await), kept[1..]);
    world.complete(&held[0]).await;
    world.streams.hub().gap();
    assert_eq!(ids(&client.rest().await), world.kept(&job).await[3..]);
    assert_eq!(world.streams.stats().rereads, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_trimmed_while_listening_is_told() {
    let world = World::with(Limits::default(), false).await;
    let (job, held) = world.running(1).await;
    let mut client = listen(world.addr, &plain(&job), None).await;
    client.take(1).await;
    world.progress(&held[0], 10).await;
    world.progress(&held[0], 20).await;
    world.trim(&job, 1).await;
    world.streams.hub().gap();
    let events = client.take(2).await;
    assert_eq!(events[0].data["reason"], "not_kept");
    assert_eq!(events[1].data["progress"], 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_restarting_loses_no_listener_and_no_event() {
    let world = World::new().await;
    let (job, held) = world.running(1).await;
    let mut client = listen(world.addr, &plain(&job), None).await;
    client.take(1).await;
    // It is asked to save, so that it comes back with everything; its keeper starts it again.
    let _ = world.store.query::<String>(redis::cmd("SHUTDOWN").arg("SAVE")).await;
    let mut back = false;
    for _ in 0..600 {
        back = world.store.ping().await.is_ok();
        if back {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(back);
    world.progress(&held[0], 70).await;
    world.complete(&held[0]).await;
    assert_eq!(ids(&client.rest().await), world.kept(&job).await[1..]);
}
