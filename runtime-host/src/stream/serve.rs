//! A server of its own for the streams: `image2model stream`. Connections are accepted up to a bound, watched, and told to
//! leave at shutdown. One that begins with the request for a stream is taken over; an HTTP server has the others.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use http::request::Parts;
use hyper::body::Incoming;
use hyper::service::service_fn;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::answer::empty;
use super::{Hangup, Response, Streams};
use crate::intake::{
    Attended, Connection, Door, Encrypted, Guest, Keeping, Opened, Place, Places, Tls, head_of_chunks,
    last as accept_last, next, respond, unless_gone,
};
use crate::trace::{self, Span};

/// How long a client may take to send the head of a request.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// What one connection may buffer, of a head and of events on their way out.
const MAX_BUFFER: usize = 64 * 1024;
/// After the streams have left: for the last bytes to go out.
const LAST_WORDS: Duration = Duration::from_millis(500);

impl Streams {
    /// Answers on `listener`, encrypted where there is a `tls`, at most `connections` at a time, until `shutdown`, then lets
    /// the streams leave spread over `grace`.
    pub async fn serve(
        &self,
        listener: TcpListener,
        tls: Option<Tls>,
        connections: usize,
        shutdown: CancellationToken,
        grace: Duration,
    ) {
        let places = Places::new(connections);
        let (tasks, last) = (TaskTracker::new(), CancellationToken::new());
        let server = Server { streams: self.clone(), door: Door { tls, within: HEAD_WITHIN }, shutdown };
        while let Some((stream, client, place)) = next(&listener, &places, &server.shutdown).await {
            let (server, last) = (server.clone(), last.clone());
            tasks.spawn(async move { last.run_until_cancelled(server.connection(stream, client, place)).await });
        }
        let (waiting, shutdown) = accept_last(listener, &places).await;
        let server = Server { shutdown, ..server };
        for (stream, client, place) in waiting {
            let (server, last) = (server.clone(), last.clone());
            tasks.spawn(async move { last.run_until_cancelled(server.connection(stream, client, place)).await });
        }
        tasks.close();
        self.drain(grace).await;
        if tokio::time::timeout(LAST_WORDS, tasks.wait()).await.is_err() {
            last.cancel();
            tasks.wait().await;
        }
    }
}

#[derive(Clone)]
struct Server {
    streams: Streams,
    door: Door,
    shutdown: CancellationToken,
}

impl Server {
    async fn connection(self, stream: TcpStream, client: SocketAddr, place: Place) {
        let guest = place.guest().clone();
        let opened = self.door.open(stream, &self.shutdown, |path| self.streams.takes_over(path));
        let Some(opened) = guest.told_to_go().run_until_cancelled(opened).await else { return };
        match opened {
            Opened::Request(head, stream) => self.without_a_server(*head, stream, client, place).await,
            Opened::Http(connection) => self.by_a_server(connection, client, &guest).await,
            Opened::Gone => {}
        }
    }

    /// A stream that gets its connection for itself, or the answer that there is none.
    async fn without_a_server(&self, head: Parts, stream: TcpStream, client: SocketAddr, place: Place) {
        let guest = place.guest().clone();
        let _answering = guest.answering();
        let (head, span) = traced(head);
        let Some((answer, live)) = unless_gone(&stream, self.streams.take_over(&head, client)).await else { return };
        span.answered(answer.status(), answer.status().is_server_error());
        drop(span);
        match live {
            Some(live) => {
                let head = head_of_chunks(&mut answer.into_parts().0);
                live.carry(stream, head, place.keep()).await;
            }
            None => respond(stream, answer).await,
        }
    }

    async fn by_a_server(self, connection: Connection, client: SocketAddr, guest: &Arc<Guest>) {
        let keeping = Keeping { head_within: HEAD_WITHIN, max_buffer: MAX_BUFFER, shutdown: &self.shutdown, guest };
        let (is_shared, is_encrypted) = (connection.is_shared(), connection.is_encrypted());
        // Closed for a stream that nobody reads, as for want of places.
        let of_one = (!is_shared).then(|| Hangup(guest.told_to_go().clone()));
        let service = service_fn(|mut request: http::Request<Incoming>| {
            if is_encrypted {
                request.extensions_mut().insert(Encrypted);
            }
            let (streams, of_one, guest) = (self.streams.clone(), of_one.clone(), guest.clone());
            async move {
                let answering = guest.answering();
                let answer = one(&streams, request, client, of_one).await;
                Ok::<_, Infallible>(answer.map(|body| Attended::new(body, answering, is_shared)))
            }
        });
        connection.serve(service, &keeping).await;
    }
}

async fn one(
    streams: &Streams,
    request: http::Request<Incoming>,
    client: SocketAddr,
    of_one: Option<Hangup>,
) -> Response {
    let (head, _) = request.into_parts();
    if let Some(answer) = probe(streams, head.uri.path()) {
        return answer;
    }
    let (mut head, span) = traced(head);
    if let Some(hangup) = of_one {
        head.extensions.insert(hangup);
    }
    let answer = streams.handle(&head, client).await;
    span.answered(answer.status(), answer.status().is_server_error());
    answer
}

/// Begins the span of a request, to the head of its answer, and puts its place in the trace into its head.
fn traced(head: Parts) -> (Parts, Span) {
    let mut request = http::Request::from_parts(head, ());
    let span = trace::received(&mut request);
    (request.into_parts().0, span)
}

/// What an orchestrator asks of a server of its own: whether it lives, and whether it takes streams.
fn probe(streams: &Streams, path: &str) -> Option<Response> {
    let status = match path {
        "/health/live" => StatusCode::OK,
        "/health/ready" if streams.0.stopping.is_cancelled() || streams.0.drain.has_begun() => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        "/health/ready" => StatusCode::OK,
        _ => return None,
    };
    let mut response = http::Response::new(empty());
    *response.status_mut() = status;
    Some(response)
}
