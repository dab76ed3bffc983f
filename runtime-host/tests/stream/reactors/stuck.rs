//! Clients that stand still while a reactor carries them.

use std::time::{Duration, Instant};

use image2model_host::stream::Limits;
use tokio::net::TcpSocket;

use super::client::{Client, ids, over};
use super::world::{World, plain};

/// A client that takes little until it is asked.
async fn small(world: &World, path: &str, after: &str) -> Client {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    over(socket.connect(world.addr).await.unwrap(), "GET", path, &[("last-event-id", after)]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_falls_off_what_is_kept_reads_the_rest_from_the_stream() {
    let world = World::tight(Limits::default()).await;
    let (job, held) = world.running(1).await;
    let first = world.kept(&job).await.remove(0);
    let mut client = small(&world, &plain(&job), &first).await;
    let line = "x".repeat(4000);
    // Far more than is kept in memory, and than the connection takes.
    for _ in 0..200 {
        world.log(&held[0], &line).await;
    }
    world.complete(&held[0]).await;
    assert_eq!(ids(&client.rest().await), world.kept(&job).await[1..]);
    assert!(world.streams.stats().rereads >= 1);
    assert_eq!(world.streams.stats().stalled, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_nothing_does_not_hold_up_the_servers_end() {
    let world = World::tight(Limits::default()).await;
    let (job, held) = world.running(1).await;
    let first = world.kept(&job).await.remove(0);
    let mut client = small(&world, &plain(&job), &first).await;
    let line = "x".repeat(4000);
    for _ in 0..150 {
        world.log(&held[0], &line).await;
    }
    let began = Instant::now();
    world.streams.drain(Duration::from_millis(700)).await;
    world.until_open(0).await;
    assert!(began.elapsed() < Duration::from_secs(5), "it would have stood still for ten");
    let seen = client.rest().await;
    assert_eq!(ids(&seen), world.kept(&job).await[1..=seen.len()]);
}
