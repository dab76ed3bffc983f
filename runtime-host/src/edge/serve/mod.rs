//! The HTTP side: connections in, routes to components, answers out.
//! Bounds: connections, requests in work, time to send a head, time without progress. An error of one connection never
//! ends the server.

mod access;
mod admission;
mod again;
mod answer;
mod ask;
mod chain;
mod connection;
mod dispatch;
mod handler;
mod headers;
mod native;
mod pool;
mod progress;
mod response;
mod router;
mod running;
mod transfers;
mod waited;

use std::sync::Arc;
use std::time::Duration;

use image2model_domain::browser_headers::Origins;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use native::{
    Body, BoxError, Carry, Hangup, NativeRoutes, NoRoutes, Request, Response, TakenOver, empty_body, full_body,
};

use crate::intake::Tls;

pub(crate) use admission::Admission;
pub(crate) use chain::{Chain, Inside, Services, target_of};
pub(crate) use dispatch::Dispatch;
pub(crate) use handler::{ComponentHandler, HandlerSettings};
pub(crate) use router::{Answer, Router};

/// How it is served, and the bounds of it.
#[derive(Clone)]
pub struct ServeOptions {
    /// Encrypts the connections.
    pub tls: Option<Tls>,
    /// Whose pages may read what the host answers in a component's place.
    pub origins: Origins,
    /// Connections at a time; more wait in the listener's backlog.
    pub max_connections: usize,
    /// Requests in components at a time; more wait `queue_wait`, then get 503.
    pub max_requests: usize,
    /// Requests that wait at a time; more get 503 at once.
    pub max_queued: usize,
    /// How long a request waits for its turn.
    pub queue_wait: Duration,
    /// How long a request may go without progress: no byte of its body, no answer.
    pub request_timeout: Duration,
    /// How long a request may take from head to head, however it progresses.
    pub request_deadline: Duration,
    /// How long an answer's body may go on being made.
    pub body_deadline: Duration,
    /// How long a guest may compute for one request.
    pub cpu_time: Duration,
    /// How long a client may take to send the head of a request.
    pub header_timeout: Duration,
    /// How long requests in work are waited for after shutdown was asked for.
    pub drain: Duration,
    /// Requests that one instance answers before it is replaced.
    pub reuse: usize,
    /// How long an instance without work is kept.
    pub idle: Duration,
    /// Instances at a time. Half of them is the most that requests in work may have.
    pub instances: u32,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            tls: None,
            origins: Origins::default(),
            max_connections: 10_000,
            max_requests: 512,
            max_queued: 1024,
            queue_wait: Duration::from_millis(500),
            request_timeout: Duration::from_secs(30),
            request_deadline: Duration::from_secs(15 * 60),
            body_deadline: Duration::from_secs(60 * 60),
            cpu_time: Duration::from_secs(10),
            header_timeout: Duration::from_secs(15),
            drain: Duration::from_secs(30),
            reuse: 1024,
            idle: Duration::from_secs(5),
            instances: 1280,
        }
    }
}

/// Serves until `shutdown`, then lets the requests in work finish, and guests that go on `behind` them, `options.drain` long
/// at most.
pub(crate) async fn serve(
    listener: TcpListener,
    dispatch: Arc<Dispatch>,
    options: &ServeOptions,
    behind: &TaskTracker,
    shutdown: CancellationToken,
) {
    connection::accept_loop(listener, dispatch, options, behind, shutdown).await;
}
