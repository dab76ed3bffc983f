//! Live event streams (server-sent events) of jobs, fanned out to whoever listens.
//!
//! `hub` is fed by one tail of Redis per host and frames each event once; `listener` decides what one client gets next;
//! `body` carries it to the connection. Connecting costs one look at the job, listening costs no Redis connection. Bounded:
//! streams in all, of a caller and of a job; reads at a time; what waits for one client; how long one may take nothing.
//!
//! A faster carrier (raw sockets on reactor threads) takes the place of `body` and `serve`; the rest stays.

mod admission;
mod answer;
mod authorize;
mod body;
mod entry;
mod frame;
mod handle;
mod hub;
mod job_log;
mod limits;
mod listener;
mod position;
mod routes;
mod serve;
mod start;
mod stats;
mod timers;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;

use crate::redis::Store;
use admission::Admission;
use body::Watch;
use job_log::JobLog;
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
    /// `streams.hub().follow(tail.subscribe())`.
    #[must_use]
    pub fn new(deps: StreamDeps) -> Self {
        let StreamDeps { store, authorizer, limits } = deps;
        let shared = Arc::new(Shared {
            hub: Hub::default(),
            log: JobLog::new(store, limits.reads),
            authorizer,
            admission: Admission::default(),
            watch: Arc::new(Watch::begin()),
            drain: Drain::default(),
            counters: Counters::default(),
            limits,
        });
        tokio::spawn(keep_watch(Arc::downgrade(&shared), shared.limits.stall / 8));
        Self(shared)
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
        handle::handle(&self.0, head, client).await
    }

    /// Sends every client away with a hint when to come back, spread over most of `grace`, and refuses new ones. Returns
    /// when all have left; those still there after `grace` are hung up.
    pub async fn drain(&self, grace: Duration) {
        self.0.drain.begin(grace.mul_f64(0.8));
        let left = tokio::time::timeout(grace, async {
            while self.0.admission.open() > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        if left.await.is_err() {
            tracing::warn!(streams = self.0.admission.open(), "streams still open after the drain, closing them");
            self.0.watch.close_all();
        }
    }

    /// What it counts.
    #[must_use]
    pub fn stats(&self) -> StreamStats {
        self.0.counters.read(self.0.admission.open())
    }

    fn limits(&self) -> &Limits {
        &self.0.limits
    }
}

/// Looks after clients that take nothing, for as long as somebody holds the streams.
async fn keep_watch(shared: std::sync::Weak<Shared>, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        let Some(shared) = shared.upgrade() else { return };
        shared.counters.stalled.add(shared.watch.close_stalled(shared.limits.stall));
    }
}
