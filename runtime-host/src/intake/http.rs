//! Serves one connection with HTTP/1.1 or HTTP/2 until it ends, is hung up, or has finished what was begun at shutdown.
//!
//! Bounded: what is buffered of heads and of answers, time for a head, requests of one HTTP/2 connection at a time; an
//! HTTP/2 client that does not answer pings, or takes nothing of any answer for a minute, is gone. What a peer may send in resets and settings is bounded by `h2`.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::rt::{Executor, Read, Write};
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use super::{Guest, Prefixed, Protocol};

/// Requests of one HTTP/2 connection at a time.
const STREAMS: u32 = 128;
/// What an HTTP/2 answer may buffer before its client takes it.
const SEND_BUFFER: usize = 64 * 1024;
/// An HTTP/2 client that says nothing is asked whether it is there, and has as long to say so.
const PING_EVERY: Duration = Duration::from_secs(20);

tokio::task_local! {
    /// See [`carrier`].
    static CARRIER: CancellationToken;
}

/// In a task that makes answers, or writes them: ends what carries them, whether or not anything is read of it. That is an
/// HTTP/1 connection, or one stream of an HTTP/2 connection.
pub(crate) fn carrier() -> Option<CancellationToken> {
    CARRIER.try_with(Clone::clone).ok()
}

/// Runs each stream of an HTTP/2 connection in a task of its own, which can be ended; the stream is reset then.
#[derive(Clone)]
struct Streams;

impl<F> Executor<F> for Streams
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, stream: F) {
        let end = CancellationToken::new();
        tokio::spawn(CARRIER.scope(end.clone(), end.run_until_cancelled_owned(stream)));
    }
}

/// Any error of an answer's body.
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A connection that no server has yet.
pub(crate) struct Connection {
    io: Io,
    protocol: Protocol,
}

enum Io {
    Plain(Prefixed),
    Encrypted(Box<TlsStream<TcpStream>>),
}

/// How a connection is kept.
pub(crate) struct Keeping<'a> {
    /// How long a client may take to send a head.
    pub head_within: Duration,
    /// What may be buffered of a head. With HTTP/1 it bounds answers, too, unless flushes of pipelined ones are joined
    /// (`pipeline_flush`): then all that a slow client does not take piles up.
    pub max_buffer: usize,
    /// When this begins, requests in work are finished and no more are taken.
    pub shutdown: &'a CancellationToken,
    /// Whose connection it is: closed when they are told to go, or shared and gone by themselves.
    pub guest: &'a Guest,
}

impl Connection {
    pub(super) fn plain(stream: Prefixed, protocol: Protocol) -> Self {
        Self { io: Io::Plain(stream), protocol }
    }

    pub(super) fn encrypted(stream: TlsStream<TcpStream>, protocol: Protocol) -> Self {
        Self { io: Io::Encrypted(Box::new(stream)), protocol }
    }

    /// Whether what goes over it is encrypted.
    pub fn is_encrypted(&self) -> bool {
        matches!(self.io, Io::Encrypted(_))
    }

    /// Whether requests share it: hanging it up then ends them all.
    pub fn is_shared(&self) -> bool {
        self.protocol == Protocol::Http2
    }

    /// Answers its requests with `service`. [`carrier`] tells it what each answer is carried by.
    pub async fn serve<S, B>(self, service: S, keeping: &Keeping<'_>)
    where
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
        S::Future: Send + 'static,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let hangup = keeping.guest.told_to_go().clone();
        match self.io {
            Io::Plain(stream) => {
                CARRIER.scope(hangup, serve(TokioIo::new(stream), self.protocol, service, keeping)).await;
            }
            Io::Encrypted(stream) => {
                CARRIER.scope(hangup, serve(TokioIo::new(stream), self.protocol, service, keeping)).await;
            }
        }
    }
}

async fn serve<I, S, B>(io: I, protocol: Protocol, service: S, keeping: &Keeping<'_>)
where
    I: Read + Write + Unpin + Send + 'static,
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S::Future: Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let server = server(protocol, keeping);
    let mut connection = std::pin::pin!(server.serve_connection(io, service));
    let mut gone = std::pin::pin!(keeping.guest.is_gone());
    let mut leaving = false;
    loop {
        tokio::select! {
            biased;
            () = keeping.guest.told_to_go().cancelled() => return,
            () = keeping.shutdown.cancelled(), if !leaving => {
                leaving = true;
                connection.as_mut().graceful_shutdown();
            }
            result = connection.as_mut() => {
                if let Err(error) = result {
                    tracing::debug!(error, "connection ended early");
                }
                return;
            }
            () = &mut gone, if protocol == Protocol::Http2 => return,
        }
    }
}

fn server(protocol: Protocol, keeping: &Keeping<'_>) -> auto::Builder<Streams> {
    let mut server = auto::Builder::new(Streams);
    match protocol {
        Protocol::Http1 => {
            let mut http1 = server.http1();
            http1.timer(TokioTimer::new()).header_read_timeout(keeping.head_within).max_buf_size(keeping.max_buffer);
            server.http1_only()
        }
        Protocol::Http2 => {
            let mut http2 = server.http2();
            http2
                .timer(TokioTimer::new())
                .max_concurrent_streams(STREAMS)
                .max_header_list_size(u32::try_from(keeping.max_buffer).unwrap_or(u32::MAX))
                .max_send_buf_size(SEND_BUFFER)
                .keep_alive_interval(PING_EVERY)
                .keep_alive_timeout(PING_EVERY);
            server.http2_only()
        }
    }
}
