//! A closed-loop load: so many connections, each with one request under way, for so long.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::figures::quantile;

/// What a run gave.
pub struct Figures {
    /// Answers a second.
    pub per_second: f64,
    /// Milliseconds.
    pub p50: f64,
    /// Milliseconds.
    pub p99: f64,
}

/// Asks for `path` at `address` over `connections` connections. An answer other than 200 ends the run.
pub async fn run(address: &str, path: &str, connections: usize, length: Duration) -> anyhow::Result<Figures> {
    let started = Instant::now();
    let clients = (0..connections).map(|_| tokio::spawn(client(address.to_owned(), path.to_owned(), started + length)));
    let mut times = Vec::new();
    for client in futures::future::join_all(clients).await {
        times.extend(client??.iter().map(|time| time.as_secs_f64() * 1000.0));
    }
    let per_second = times.len() as f64 / started.elapsed().as_secs_f64();
    Ok(Figures { per_second, p50: quantile(times.clone(), 0.50), p99: quantile(times, 0.99) })
}

async fn client(address: String, path: String, until: Instant) -> anyhow::Result<Vec<Duration>> {
    let socket = TcpStream::connect(&address).await?;
    socket.set_nodelay(true)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await?;
    tokio::spawn(connection);
    let mut times = Vec::new();
    while Instant::now() < until {
        let started = Instant::now();
        let request = http::Request::get(&path).header("host", &address).body(Empty::<Bytes>::new())?;
        let answer = sender.send_request(request).await?;
        anyhow::ensure!(answer.status() == 200, "{path} answered {}", answer.status());
        answer.into_body().collect().await?;
        times.push(started.elapsed());
    }
    Ok(times)
}
