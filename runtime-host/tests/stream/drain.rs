//! The server goes away: every client is told when to come back, and then its successor resumes.

use std::net::SocketAddr;
use std::time::Duration;

use super::client::listen;
use super::world::{World, plain};

/// What an orchestrator is answered.
async fn probe(addr: SocketAddr, what: &str) -> u16 {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::get(format!("http://{addr}/health/{what}")).await.unwrap().status().as_u16()
}

/// Whoever sends clients here hears of it while they can still come.
#[tokio::test(flavor = "multi_thread")]
async fn before_it_goes_away_it_says_so_and_goes_on() {
    let world = World::new().await;
    let (job, _held) = world.running(1).await;
    let mut client = listen(world.addr, &plain(&job), None).await;
    client.take(1).await;
    world.streams.stop_soon();
    assert_eq!((probe(world.addr, "live").await, probe(world.addr, "ready").await), (200, 503));
    let mut another = listen(world.addr, &plain(&job), None).await;
    assert_eq!((another.status, another.take(1).await.len()), (200, 1));
    assert_eq!(world.streams.stats().open, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_sends_everybody_away_with_a_hint() {
    let world = World::new().await;
    let (job, held) = world.running(1).await;
    let mut clients = Vec::new();
    for _ in 0..20 {
        let mut client = listen(world.addr, &plain(&job), None).await;
        client.take(1).await;
        clients.push(client);
    }
    let (streams, addr) = (world.streams.clone(), world.addr);
    assert_eq!((probe(addr, "live").await, probe(addr, "ready").await), (200, 200));
    let drain = tokio::spawn(async move { streams.drain(Duration::from_secs(1)).await });
    let mut first_gone = None;
    for (i, client) in clients.iter_mut().enumerate() {
        assert!(client.rest().await.is_empty());
        assert_eq!(client.retry.len(), 2);
        assert!(client.retry[1] >= 2000);
        if i == 0 {
            first_gone = Some(listen(addr, &plain(&job), None).await.status);
        }
    }
    assert_eq!(first_gone, Some(503));
    assert_eq!((probe(addr, "live").await, probe(addr, "ready").await), (200, 503), "no new streams are sent here");
    drain.await.unwrap();
    assert_eq!(world.streams.stats().open, 0);
    assert_eq!(world.streams.stats().stalled, 0);
    world.complete(&held[0]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shutting_down_ends_connections_and_the_server() {
    let world = World::new().await;
    let job = world.job(1).await;
    let mut client = listen(world.addr, &plain(&job), None).await;
    client.take(1).await;
    world.shutdown.cancel();
    assert!(client.rest().await.is_empty());
    assert_eq!(client.retry.len(), 2);
    world.until_open(0).await;
}
