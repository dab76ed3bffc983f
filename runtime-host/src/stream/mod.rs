//! Live event streams (server-sent events) of jobs, fanned out to whoever listens.
//!
//! `hub` is fed by one tail of Redis per host and frames each event once; `listener` decides what one client gets next.
//! Connecting costs one look at the job, listening costs no Redis connection. Bounded: streams in all, of a caller and of a
//! job; reads at a time; what waits for one client; how long one may take nothing.
//!
//! Two carriers bring it to the client. Where the stream is a connection's first request, its socket is taken over whole:
//! `carry` sends what there is, and a `reactor` holds it while it waits. Where it is not (a connection used before, more
//! than a plain `GET`), `body` is the body of an answer in the HTTP server's hands, which costs ten times the memory.

mod admission;
mod answer;
mod authorize;
mod body;
mod carry;
mod chunk;
mod entry;
mod frame;
mod handle;
mod hub;
mod job_log;
mod limits;
mod listener;
mod position;
mod reactor;
mod routes;
mod serve;
mod signs;
mod start;
mod stats;
mod timers;
mod topic;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::Receiver;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::redis::{Store, TailMessage};
use admission::Admission;
use body::{StreamBody, Watch};
use job_log::JobLog;
use listener::Listener;
use reactor::Reactors;
use stats::Counters;
use timers::Drain;

pub use authorize::{Authorizer, Budget, Level, StreamFacts, Verdict};
pub use body::Hangup;
pub use hub::Hub;
pub use limits::Limits;
pub use position::{EntryId, EventId, Part, Position};
pub use stats::StreamStats;

/// Any error of a body. Streams have none: they end.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// The body of an answer.
pub type Body = UnsyncBoxBody<Bytes, BoxError>;
/// An answer.
pub type Response = http::Response<Body>;

/// What the streams stand on.
pub struct StreamDeps {
    /// Where jobs live.
    pub store: Store,
    /// Who may listen.
    pub authorizer: Arc<dyn Authorizer>,
    /// How many, how long.
    pub limits: Limits,
}

/// The stream server. Cheap to clone.
#[derive(Clone)]
pub struct Streams(Arc<Shared>);

/// What all listeners share.
struct Shared {
    hub: Hub,
    log: JobLog,
    authorizer: Arc<dyn Authorizer>,
    limits: Limits,
    admission: Admission,
    watch: Arc<Watch>,
    reactors: Reactors,
    /// Closes every connection that was taken over.
    hangup: CancellationToken,
    /// No more are to be sent here.
    stopping: CancellationToken,
    drain: Drain,
    counters: Counters,
}

impl Shared {
    /// What a client is told to wait when the server goes away: until the others have left as well, milliseconds.
    fn retry_after_drain(&self) -> u64 {
        self.limits.retry() + u64::try_from(self.drain.spread().as_millis()).unwrap_or_default() / 2
    }
}

impl Streams {
    /// Streams of the jobs in `deps.store`. Needs a Tokio runtime. Nothing is live until the [`Hub`] is fed:
    /// `streams.follow(tail.subscribe())`.
    #[must_use]
    pub fn new(deps: StreamDeps) -> Self {
        let StreamDeps { store, authorizer, limits } = deps;
        let shared = Arc::new_cyclic(|shared| Shared {
            reactors: Reactors::start(limits.reactors, shared),
            hangup: CancellationToken::new(),
            hub: Hub::default(),
            log: JobLog::new(store, limits.reads),
            authorizer,
            admission: Admission::default(),
            watch: Arc::new(Watch::begin()),
            stopping: CancellationToken::new(),
            drain: Drain::default(),
            counters: Counters::default(),
            limits,
        });
        tokio::spawn(keep_watch(Arc::downgrade(&shared), shared.limits.stall / 8));
        Self(shared)
    }

    /// Passes on what the tail sees, until the tail ends.
    pub async fn follow(&self, tail: Receiver<TailMessage>) {
        let streams = self.clone();
        let revoked = move |caller: &str| {
            if streams.0.admission.revoke(caller) {
                tracing::info!(caller, "the key of open streams was taken back, closing them");
            }
        };
        self.0.hub.follow(tail, revoked).await;
    }

    /// Where events come in.
    #[must_use]
    pub fn hub(&self) -> &Hub {
        &self.0.hub
    }

    /// Whether a path, without its query, is one of the two routes. Cheap.
    #[must_use]
    pub fn handles(&self, path: &str) -> bool {
        routes::takes(path)
    }

    /// Answers a request. `client` is the peer of the connection; a [`Hangup`] among the request's extensions is used.
    /// Streams of callers without a key are counted by the address that the guard makes out.
    pub async fn handle(&self, head: &http::request::Parts, client: SocketAddr) -> Response {
        let Answer { response, listener } = handle::handle(&self.0, head, client).await;
        let Some(listener) = listener else { return response };
        let hangup = head.extensions.get::<Hangup>().cloned();
        let job = listener.job().to_owned();
        response.map(|_| Body::new(StreamBody::new(listener, job, hangup, self.0.watch.clone())))
    }

    /// Whether a connection whose first request is for this path, without its query, is better taken over. Cheap.
    #[must_use]
    pub fn takes_over(&self, path: &str) -> bool {
        self.0.reactors.any() && routes::takes(path)
    }

    /// Answers a connection's first request so that its stream, if it gets one, is carried without a server.
    pub async fn take_over(&self, head: &http::request::Parts, client: SocketAddr) -> (Response, Option<Live>) {
        let Answer { response, listener } = handle::handle(&self.0, head, client).await;
        (response, listener.map(Live))
    }

    /// Says, to whoever asks, that it is not ready any more; it goes on as before.
    pub fn stop_soon(&self) {
        self.0.stopping.cancel();
    }

    /// Sends every client away with a hint when to come back, spread over most of `grace`, and refuses new ones. Returns
    /// when all have left; those still there after `grace` are hung up.
    pub async fn drain(&self, grace: Duration) {
        self.0.drain.begin(grace.mul_f64(0.8));
        self.0.reactors.wake();
        let left = tokio::time::timeout(grace, async {
            while self.0.admission.open() > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        if left.await.is_err() {
            tracing::warn!(streams = self.0.admission.open(), "streams still open after the drain, closing them");
            self.0.watch.close_all();
            self.0.hangup.cancel();
            self.0.reactors.wake();
        }
    }

    /// What it counts.
    #[must_use]
    pub fn stats(&self) -> StreamStats {
        self.0.counters.read(self.0.admission.open())
    }
}

/// What a request is answered with.
struct Answer {
    response: Response,
    /// What goes on after the head, in the place of the response's body.
    listener: Option<Listener>,
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        Self { response, listener: None }
    }
}

/// A stream that is to begin on a connection of its own.
pub struct Live(Listener);

impl Live {
    /// Writes the head of the answer and carries the stream, which keeps the connection's place until it ends. Returns when
    /// it has ended, or has nothing to do but to wait and goes on without a task.
    pub async fn carry(self, stream: TcpStream, head: Bytes, place: Option<OwnedSemaphorePermit>) {
        carry::begin(self.0, stream, head, place).await;
    }
}

/// Looks after clients that take nothing and events that are old, for as long as somebody holds the streams.
async fn keep_watch(shared: std::sync::Weak<Shared>, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        let Some(shared) = shared.upgrade() else { return };
        let stall = shared.limits.stall;
        shared.counters.stalled.add(shared.watch.close_stalled(stall));
        // Nobody who is still open is further behind.
        if let Some(then) = Instant::now().checked_sub(stall) {
            shared.hub.forget(then);
        }
    }
}
