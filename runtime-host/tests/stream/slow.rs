//! Clients that take their events slowly, or not at all.

use std::time::Duration;

use image2model_host::stream::Limits;
use tokio::net::TcpSocket;

use super::client::{ids, listen, over};
use super::world::{World, plain};

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_takes_nothing_is_closed_and_resumes_without_loss() {
    let world = World::tight(Limits { stall: Duration::from_millis(1_500), ..Limits::default() }).await;
    let (job, held) = world.running(1).await;
    let first = world.kept(&job).await.remove(0);

    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let stalled =
        over(socket.connect(world.addr).await.unwrap(), "GET", &plain(&job), &[("last-event-id", &first)]).await;
    let mut healthy = listen(world.addr, &plain(&job), Some(&first)).await;
    // It reads all the while: in these small buffers little waits for it.
    let healthy = tokio::spawn(async move { (healthy.take(150).await, healthy) });

    let line = "x".repeat(4000);
    for _ in 0..150 {
        world.log(&held[0], &line).await;
    }
    // The healthy one goes on, whatever the other does.
    let kept = world.kept(&job).await;
    let (seen, _still_open) = healthy.await.unwrap();
    assert_eq!(ids(&seen), kept[1..]);
    world.until_open(1).await;
    assert_eq!(world.streams.stats().stalled, 1);

    // What was on its way when the connection closed may or may not arrive; what arrives has no hole.
    let mut stalled = stalled;
    let seen = stalled.rest().await;
    assert!(seen.len() < 150);
    assert_eq!(ids(&seen), kept[1..=seen.len()]);
    world.complete(&held[0]).await;
    let place = seen.last().map_or(&first, |event| &event.id);
    let rest = listen(world.addr, &plain(&job), Some(place)).await.rest().await;
    assert_eq!(ids(&rest), world.kept(&job).await[seen.len() + 1..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_lags_gets_the_latest_progress_and_every_ending() {
    let world = World::tight(Limits { lagging: Duration::ZERO, ..Limits::default() }).await;
    let (job, held) = world.running(2).await;
    let mut client = listen(world.addr, &plain(&job), None).await;
    client.take(2).await;
    for percent in 1..60 {
        world.progress(&held[0], percent).await;
        world.progress(&held[1], percent).await;
    }
    world.complete(&held[0]).await;
    world.fail(&held[1]).await;
    let events = client.rest().await;
    let kinds: Vec<&str> = events.iter().map(|e| e.kind()).filter(|kind| *kind != "progress").collect();
    assert_eq!(kinds, ["completed", "error", "job"]);
    // Each file's progress only grows, and nothing is told twice.
    for holding in &held {
        let of_file = events.iter().filter(|e| e.data["file_id"] == holding.file.as_str());
        let percents: Vec<u64> = of_file.filter_map(|e| e.data["progress"].as_u64()).collect();
        assert!(percents.is_sorted_by(|a, b| a < b), "{percents:?}");
    }
}
