//! A server of its own for the streams: `image2model stream`. Connections are accepted up to a bound, watched, and told to
//! leave at shutdown. One that begins with the request for a stream is taken over; an HTTP server has the others.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use http::StatusCode;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::answer::empty;
use super::{Hangup, Response, Streams};
use crate::intake::{First, Prefixed, first, head_of, respond, unless_gone};

/// Connections beyond those that stream: requests that are refused or finished.
const SPARE: usize = 256;
/// After an accept error: no file descriptor left, or the client already gone.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);
/// How long a client may take to send the head of a request.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// What one connection may buffer, of a head and of events on their way out.
const MAX_BUFFER: usize = 64 * 1024;
/// After the streams have left: for the last bytes to go out.
const LAST_WORDS: Duration = Duration::from_millis(500);

impl Streams {
    /// Answers on `listener` until `shutdown`, then lets the streams leave spread over `grace`.
    pub async fn serve(&self, listener: TcpListener, shutdown: CancellationToken, grace: Duration) {
        let places = Arc::new(Semaphore::new(self.limits().total + SPARE));
        let (tasks, last) = (TaskTracker::new(), CancellationToken::new());
        loop {
            let accepted = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                accepted = accept(&listener, &places) => accepted,
            };
            if let Some((stream, client, place)) = accepted {
                let (streams, shutdown, last) = (self.clone(), shutdown.clone(), last.clone());
                tasks.spawn(async move {
                    last.run_until_cancelled(streams.connection(stream, client, place, shutdown)).await
                });
            }
        }
        drop(listener);
        tasks.close();
        self.drain(grace).await;
        if tokio::time::timeout(LAST_WORDS, tasks.wait()).await.is_err() {
            last.cancel();
            tasks.wait().await;
        }
    }

    async fn connection(
        self,
        mut stream: TcpStream,
        client: SocketAddr,
        place: OwnedSemaphorePermit,
        shutdown: CancellationToken,
    ) {
        // Without this, an event in two writes waits for the client's delayed acknowledgement.
        if stream.set_nodelay(true).is_err() {
            return;
        }
        let mut read = BytesMut::new();
        let first = tokio::select! {
            biased;
            () = shutdown.cancelled() => if read.is_empty() { First::Gone } else { First::Other },
            first = tokio::time::timeout(HEAD_WITHIN, first(&mut stream, &mut read, |path| self.takes_over(path))) => {
                first.unwrap_or(First::Gone)
            }
        };
        match first {
            First::Request(head) => self.without_a_server(&head, stream, client, place).await,
            First::Other => self.by_a_server(Prefixed::new(read, stream), client, shutdown).await,
            First::Gone => {}
        }
    }

    /// A stream that gets its connection for itself, or the answer that there is none.
    async fn without_a_server(
        &self,
        head: &http::request::Parts,
        stream: TcpStream,
        client: SocketAddr,
        place: OwnedSemaphorePermit,
    ) {
        let Some((answer, live)) = unless_gone(&stream, self.take_over(head, client)).await else { return };
        match live {
            Some(live) => {
                let head = head_of(&mut answer.into_parts().0);
                live.carry(stream, head, Some(place)).await;
            }
            None => respond(stream, answer).await,
        }
    }

    async fn by_a_server(self, stream: Prefixed, client: SocketAddr, shutdown: CancellationToken) {
        let (streams, hangup) = (&self, Hangup::default());
        let service = {
            let hangup = &hangup;
            service_fn(move |request| async move { Ok::<_, Infallible>(streams.one(request, client, hangup).await) })
        };
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_WITHIN)
            .max_buf_size(MAX_BUFFER)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let mut leaving = false;
        loop {
            tokio::select! {
                biased;
                () = hangup.0.cancelled() => return,
                () = shutdown.cancelled(), if !leaving => {
                    leaving = true;
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

    async fn one(&self, request: http::Request<Incoming>, client: SocketAddr, hangup: &Hangup) -> Response {
        let (mut head, _) = request.into_parts();
        if let Some(answer) = self.probe(head.uri.path()) {
            return answer;
        }
        head.extensions.insert(hangup.clone());
        self.handle(&head, client).await
    }
}

impl Streams {
    /// What an orchestrator asks of a server of its own: whether it lives, and whether it takes streams.
    fn probe(&self, path: &str) -> Option<Response> {
        let status = match path {
            "/health/live" => StatusCode::OK,
            "/health/ready" if self.0.drain.has_begun() => StatusCode::SERVICE_UNAVAILABLE,
            "/health/ready" => StatusCode::OK,
            _ => return None,
        };
        let mut response = http::Response::new(empty());
        *response.status_mut() = status;
        Some(response)
    }
}

type Accepted = (TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit);

async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> Option<Accepted> {
    let place = places.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, client)) => Some((stream, client, place)),
        Err(error) => {
            tracing::warn!(%error, "connection could not be accepted");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}
