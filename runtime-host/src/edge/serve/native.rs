//! Routes that the host answers itself, before any component is asked: event streams, metrics. Whoever starts the server
//! passes them in; an answer's body may go on for as long as it likes.

use std::net::SocketAddr;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::request::Parts;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

/// Any error of a body that a native route makes.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// The body of a native route's answer.
pub type Body = UnsyncBoxBody<Bytes, BoxError>;
/// A request as it came in.
pub type Request = http::Request<Incoming>;
/// The answer of a native route.
pub type Response = http::Response<Body>;

/// Among the extensions of a native route's request: closes its connection, or resets its HTTP/2 stream, whatever is being
/// written to it. For answers that go on to a client which takes nothing: such a body is not polled, so it cannot end by
/// itself.
#[derive(Debug, Clone, Default)]
pub struct Hangup(pub CancellationToken);

/// What the host answers itself.
pub trait NativeRoutes: Send + Sync + 'static {
    /// Whether this request is one of those. Cheap: every request is asked.
    fn takes(&self, head: &http::request::Parts) -> bool;

    /// Answers it. `client` is the peer of the connection. When the client goes away the future, or later the body, is
    /// dropped; at shutdown both may go on until the drain ends.
    fn handle(&self, request: Request, client: SocketAddr) -> BoxFuture<'static, Response>;

    /// Whether a connection whose first request is a plain `GET` for this path, without its query, is taken away from the
    /// server. Cheap.
    fn takes_over(&self, _: &str) -> bool {
        false
    }

    /// Answers such a request. Only asked where [`takes_over`](Self::takes_over) says so.
    fn take_over(&self, _: Parts, _: SocketAddr) -> BoxFuture<'static, TakenOver> {
        Box::pin(async { TakenOver { response: Response::new(empty_body()), carry: None } })
    }
}

/// An answer that the connection is closed after, and what has the connection until then.
pub struct TakenOver {
    /// The answer; only its head where something carries on.
    pub response: Response,
    /// What goes on after the head.
    pub carry: Option<Carry>,
}

/// Gets the connection, the head of the answer, which it writes first, and the connection's place among the server's, which
/// it holds for as long as the connection is open. It may end before that.
pub type Carry = Box<dyn FnOnce(TcpStream, Bytes, OwnedSemaphorePermit) -> BoxFuture<'static, ()> + Send>;

/// No native routes.
pub struct NoRoutes;

impl NativeRoutes for NoRoutes {
    fn takes(&self, _: &http::request::Parts) -> bool {
        false
    }

    fn handle(&self, _: Request, _: SocketAddr) -> BoxFuture<'static, Response> {
        Box::pin(async { Response::new(empty_body()) })
    }
}

/// A body without bytes.
pub fn empty_body() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// A body that is there at once.
pub fn full_body(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}
