//! A client that takes nothing, while much is published to its topic: what it costs until it has been dealt with.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;

use super::stand::Stand;

/// Published in all.
const MEGABYTES: usize = 24;
/// In one event.
const EVENT: usize = 4_000;
/// What the client's system takes for it.
const TAKES: u32 = 4_096;

/// Megabytes that the server grew by.
pub async fn megabytes(stand: &mut Stand) -> anyhow::Result<f64> {
    let topics = stand.topics(1).await?;
    let path = topics.first().context("no topic")?.path();
    // Once before, so that what the server needs for events at all is not counted.
    stand.publish(&topics, MEGABYTES * 1_000_000 / EVENT / 8, Duration::ZERO, EVENT).await?;
    let address: SocketAddr = stand.address.parse()?;
    let client = TcpSocket::new_v4()?;
    client.set_recv_buffer_size(TAKES)?;
    let mut client = client.connect(address).await?;
    client
        .write_all(format!("GET {path} HTTP/1.1\r\nhost: {address}\r\naccept: text/event-stream\r\n\r\n").as_bytes())
        .await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (before, mut most) = (stand.process.resident_bytes()?, 0);
    for _ in 0..MEGABYTES {
        stand.publish(&topics, 1_000_000 / EVENT, Duration::ZERO, EVENT).await?;
        most = most.max(stand.process.resident_bytes()?.saturating_sub(before));
    }
    Ok(most as f64 / 1e6)
}
