//! One component's instances. Each answers one request at a time and is used again when it is at rest; the one that was used
//! last is taken first, so that what a quiet hour does not need goes after `idle`.
//!
//! Most requests are answered in less time than it takes to start an instance. Beyond a few, a request therefore waits for one
//! to come back, and only one request at a time gives that up and starts another: a sudden crowd costs few of them. Of those
//! few, too, only as many start at a time as there are cores: where a start computes for long, a crowd of them ends none in time.

use std::num::NonZero;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use wasmtime::Store;
use wasmtime_wasi_http::handler::{Proxy, ProxyPre};

use super::handler::HandlerSettings;
use crate::edge::capabilities::{Grants, HostState};
use crate::edge::engine::EdgeEngine;

/// Instances that are started as soon as they are wanted.
const AT_ONCE: usize = 16;
/// How long a request waits for one to come back before another is started, when it is its turn to give up.
const BACK_WITHIN: Duration = Duration::from_millis(1);

/// What instances are made from.
#[derive(Clone)]
pub(super) struct Start {
    pub engine: EdgeEngine,
    pub pre: Arc<ProxyPre<HostState>>,
    pub grants: Arc<Grants>,
    pub settings: HandlerSettings,
    /// How many chained calls its requests are inside of.
    pub depth: usize,
}

/// An instance at rest.
pub(super) struct Instance {
    pub store: Store<HostState>,
    pub proxy: Proxy,
    /// Requests that it has answered.
    pub answered: usize,
    /// Counts it among its pool's.
    _alive: Arc<()>,
}

impl Start {
    async fn instance(&self, alive: Arc<()>) -> wasmtime::Result<Instance> {
        let mut store = self.engine.store(&self.grants)?;
        store.data_mut().chained(self.depth);
        let meter = store.data().cpu.meter();
        let started = meter.measure(Box::pin(self.pre.instantiate_async(&mut store)));
        let proxy = tokio::time::timeout(self.settings.request_timeout, started).await.map_err(|_| NotInTime)??;
        Ok(Instance { store, proxy, answered: 0, _alive: alive })
    }
}

/// An instance took longer to start than a request may.
#[derive(Debug, thiserror::Error)]
#[error("the component did not start in time")]
pub(super) struct NotInTime;

/// The instances that wait for work.
pub(super) struct Pool {
    pub start: Start,
    waiting: Mutex<Waiting>,
    /// Somebody waits for an instance that comes back.
    back: Notify,
    /// Starts at a time while there are few.
    starts: Semaphore,
    /// Whose turn it is to start another when there are more.
    turn: Semaphore,
    /// As many more as there are instances, at work or not.
    alive: Arc<()>,
}

#[derive(Default)]
struct Waiting {
    /// The one used last at the end, each with the time since which it waits.
    all: Vec<(Instant, Instance)>,
    /// Somebody looks after those that nobody needs.
    is_watched: bool,
}

impl Pool {
    pub fn new(start: Start) -> Arc<Self> {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let (starts, turn) = (Semaphore::new(cores), Semaphore::new(1));
        Arc::new(Self { start, waiting: Mutex::default(), back: Notify::new(), starts, turn, alive: Arc::default() })
    }

    /// One that waits, or comes back soon; else a new one. Nothing where it was nobody's turn to start one until `until`.
    pub async fn take(&self, until: Instant) -> wasmtime::Result<Option<Instance>> {
        // Whoever has to wait once more, because somebody was faster, keeps its turn.
        let mut turn = std::pin::pin!(self.turn());
        loop {
            let waiting = self.waiting.lock().all.pop();
            if let Some((_, instance)) = waiting {
                return Ok(Some(instance));
            }
            tokio::select! {
                biased;
                () = self.back.notified() => {}
                _turn = turn.as_mut() => return self.another().await.map(Some),
                () = tokio::time::sleep_until(until.into()) => return Ok(None),
            }
        }
    }

    /// Starts one.
    pub async fn another(&self) -> wasmtime::Result<Instance> {
        self.start.instance(self.alive.clone()).await
    }

    /// Comes when another may be started, for as long as what it answers is held.
    async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        if self.starts_at_once() {
            let start = self.starts.acquire().await.ok();
            if self.starts_at_once() {
                return start;
            }
        }
        let turn = self.turn.acquire().await.ok();
        tokio::time::sleep(BACK_WITHIN).await;
        turn
    }

    /// Those that answer once do not come back.
    fn starts_at_once(&self) -> bool {
        self.start.settings.reuse == 1 || Arc::strong_count(&self.alive) <= AT_ONCE
    }

    /// Keeps it for the next request, unless it has answered enough or its place is needed.
    pub fn give_back(self: &Arc<Self>, instance: Instance) {
        let is_spent = instance.answered >= self.start.settings.reuse || instance.store.data().is_spent();
        if is_spent || self.start.engine.is_crowded() {
            return;
        }
        let mut waiting = self.waiting.lock();
        waiting.all.push((Instant::now(), instance));
        if !std::mem::replace(&mut waiting.is_watched, true) {
            tokio::spawn(watch(Arc::downgrade(self)));
        }
        drop(waiting);
        self.back.notify_one();
    }

    /// Ends those that have waited for too long, and tells whether any is left.
    fn end_idle(&self) -> bool {
        let mut waiting = self.waiting.lock();
        let idle = self.start.settings.idle;
        let ended = waiting.all.iter().take_while(|(since, _)| since.elapsed() >= idle).count();
        let ended: Vec<_> = waiting.all.drain(..ended).collect();
        waiting.is_watched = !waiting.all.is_empty();
        let is_left = waiting.is_watched;
        // Others need not wait while stores are taken apart.
        drop(waiting);
        drop(ended);
        is_left
    }
}

/// Looks after the instances that wait, while there are any.
async fn watch(pool: Weak<Pool>) {
    let Some(idle) = pool.upgrade().map(|pool| pool.start.settings.idle) else { return };
    loop {
        tokio::time::sleep(idle / 4).await;
        if !pool.upgrade().is_some_and(|pool| pool.end_idle()) {
            return;
        }
    }
}
