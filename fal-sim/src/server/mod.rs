//! Accepts connections and serves HTTP/1.1 on them; one task per connection, all ended at shutdown.
//! Written on hyper's connection itself, because faults must be able to close or reset it.

mod auth;
mod context;
mod control;
mod dispatch;
mod disturb;
mod files;
mod options;
mod platform;
mod queue_calls;
mod route;
mod run_calls;
mod sse;
mod status_stream;
mod upload_calls;

use crate::sim::Sim;
use axum::body::Body;
use disturb::Hangup;
use http::{Request, Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{
    future::poll_fn,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
};
use tokio_util::task::TaskTracker;

/// How long a client may take to send a request's head.
const HEADER_TIMEOUT: Duration = Duration::from_secs(60);
/// How long open connections may finish after shutdown was asked for.
const GRACE: Duration = Duration::from_secs(3);

/// Serves until the simulator stops.
pub async fn serve(sim: Arc<Sim>, listener: TcpListener) {
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = sim.stopping.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                connections.spawn(connection(sim.clone(), stream, peer));
            }
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(GRACE, connections.wait()).await.is_err() {
        tracing::debug!(open = connections.len(), "connections left open at shutdown");
    }
}

/// A call whose connection a fault closes.
#[derive(Debug, thiserror::Error)]
#[error("connection closed on purpose")]
struct ClosedOnPurpose;

async fn connection(sim: Arc<Sim>, stream: TcpStream, peer: SocketAddr) {
    let _ = stream.set_nodelay(true);
    let reset = Arc::new(AtomicBool::new(false));
    let service = {
        let (sim, reset) = (sim.clone(), reset.clone());
        service_fn(move |request| Box::pin(handle(sim.clone(), request, peer, reset.clone())))
    };
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    let mut stopping = false;
    let result = loop {
        tokio::select! {
            result = poll_fn(|task| connection.poll_without_shutdown(task)) => break result,
            () = sim.stopping.cancelled(), if !stopping => {
                stopping = true;
                std::pin::Pin::new(&mut connection).graceful_shutdown();
            }
        }
    };
    if let Err(error) = result {
        tracing::trace!(%error, "connection ended early");
    }
    let mut stream = connection.into_parts().io.into_inner();
    if reset.load(Ordering::Relaxed) {
        // Without lingering, closing sends a reset.
        let _ = stream.set_zero_linger();
    } else {
        let _ = stream.shutdown().await;
    }
}

async fn handle(
    sim: Arc<Sim>,
    request: Request<Incoming>,
    peer: SocketAddr,
    reset: Arc<AtomicBool>,
) -> Result<Response<Body>, ClosedOnPurpose> {
    let response = dispatch::answer(sim, request.map(Body::new), peer).await;
    match response.extensions().get::<Hangup>() {
        None => Ok(response),
        Some(hangup) => {
            reset.store(*hangup == Hangup::Reset, Ordering::Relaxed);
            Err(ClosedOnPurpose)
        }
    }
}
