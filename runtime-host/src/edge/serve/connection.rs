//! Connections: accepted up to a bound, served each in its own task, ended gently at shutdown. One whose first request a
//! native route wants for itself is handed over. An accept error pauses the loop for a moment and never ends it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use http::HeaderValue;
use http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::ServeOptions;
use super::dispatch::{Dispatch, Peers};
use super::native::{Hangup, TakenOver};
use crate::intake::{First, Prefixed, first, head_of, respond, unless_gone};

/// After an accept error: no file descriptor left, or the client already gone.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);
/// What one connection may buffer of a request's head.
const MAX_HEAD: usize = 64 * 1024;

/// Accepts until `shutdown`, then drains.
pub(super) async fn accept_loop(
    listener: TcpListener,
    dispatch: Arc<Dispatch>,
    options: &ServeOptions,
    shutdown: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(options.max_connections));
    let tasks = TaskTracker::new();
    let abort = CancellationToken::new();
    let server = Server { dispatch, header_timeout: options.header_timeout, shutdown, abort: abort.clone() };
    while let Some((stream, client, place)) = next(&listener, &places, &server.shutdown).await {
        let server = server.clone();
        tasks.spawn(async move { server.connection(stream, client, place).await });
    }
    drop(listener);
    tasks.close();
    if tokio::time::timeout(options.drain, tasks.wait()).await.is_err() {
        tracing::warn!(connections = tasks.len(), "requests still in work after the drain, closing them");
        abort.cancel();
        tasks.wait().await;
    }
}

/// The next connection with its place, or nothing at shutdown.
async fn next(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
    shutdown: &CancellationToken,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let accepted = async {
        let place = places.clone().acquire_owned().await.ok()?;
        loop {
            match listener.accept().await {
                Ok((stream, client)) => return Some((stream, client, place)),
                Err(error) => {
                    tracing::warn!(%error, "connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    };
    tokio::select! {
        biased;
        () = shutdown.cancelled() => None,
        accepted = accepted => accepted,
    }
}

#[derive(Clone)]
struct Server {
    dispatch: Arc<Dispatch>,
    header_timeout: Duration,
    shutdown: CancellationToken,
    abort: CancellationToken,
}

impl Server {
    async fn connection(self, mut stream: TcpStream, client: SocketAddr, place: OwnedSemaphorePermit) {
        // Without this, an answer in two writes waits for the client's delayed acknowledgement.
        if stream.set_nodelay(true).is_err() {
            return;
        }
        let mut read = BytesMut::new();
        let takes = |path: &str| self.dispatch.native.takes_over(path);
        let first = tokio::select! {
            biased;
            () = self.shutdown.cancelled() => if read.is_empty() { First::Gone } else { First::Other },
            first = tokio::time::timeout(self.header_timeout, first(&mut stream, &mut read, takes)) => {
                first.unwrap_or(First::Gone)
            }
        };
        match first {
            First::Request(head) => {
                tokio::select! {
                    biased;
                    () = self.abort.cancelled() => {}
                    () = self.hand_over(*head, stream, client, place) => {}
                }
            }
            First::Other => self.serve(read, stream, client).await,
            First::Gone => {}
        }
    }

    /// Lets a native route have the connection, or answers that it does not want it.
    async fn hand_over(&self, head: Parts, stream: TcpStream, client: SocketAddr, place: OwnedSemaphorePermit) {
        let answer = unless_gone(&stream, self.dispatch.take_over(head, client)).await;
        let Some(TakenOver { response, carry }) = answer else { return };
        match carry {
            Some(carry) => carry(stream, head_of(&mut response.into_parts().0), place).await,
            None => respond(stream, response).await,
        }
    }

    async fn serve(&self, read: BytesMut, stream: TcpStream, client: SocketAddr) {
        let (Ok(local), Ok(client_header)) = (stream.local_addr(), HeaderValue::try_from(client.to_string())) else {
            return;
        };
        let hangup = Hangup::default();
        let peers = Peers { client, client_header, local, hangup: hangup.clone() };
        let (dispatch, peers) = (&self.dispatch, &peers);
        let service =
            service_fn(move |request| async move { Ok::<_, Infallible>(dispatch.answer(request, peers).await) });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.header_timeout)
            // Bounds answers, too, unless flushes of pipelined ones are joined (`pipeline_flush`): then all that a slow
            // client does not take piles up.
            .max_buf_size(MAX_HEAD)
            .serve_connection(TokioIo::new(Prefixed::new(read, stream)), service);
        let mut connection = std::pin::pin!(connection);
        let mut draining = false;
        loop {
            tokio::select! {
                biased;
                () = self.abort.cancelled() => return,
                () = hangup.0.cancelled() => return,
                () = self.shutdown.cancelled(), if !draining => {
                    draining = true;
                    connection.as_mut().graceful_shutdown();
                }
                result = connection.as_mut() => {
                    if let Err(error) = result {
                        tracing::debug!(%error, "connection ended early");
                    }
                    return;
                }
            }
        }
    }
}
