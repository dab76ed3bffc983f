//! The claim loop: asks for files while there is room, sleeps as long as Redis says nothing will come, and is woken by
//! news. Never ends because of Redis or FAL; only when told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use image2model_domain::FileId;
use image2model_domain::commands::{Claim, Claimed, ClaimedFile};
use image2model_domain::time::millis;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::attempt::Attempt;
use super::blobs::Blobs;
use super::breaker::Breaker;
use super::clock::Clock;
use super::config::WorkerConfig;
use super::held::Held;
use super::insight::Insight;
use super::knocks::Knocks;
use super::presence;
use super::provider::Providers;
use super::scans::Scans;
use super::status::WorkerStatus;
use super::submits::Submits;
use crate::fal::{Backoff, Class, EndpointId, FalClient};
use crate::redis::Store;

/// Files asked for at once.
const CLAIM_AT_ONCE: u32 = 16;
/// Between two looks whether FAL answers.
const REACH_EVERY: Duration = Duration::from_secs(15);
/// Between two looks whether FAL's history may be read.
const HISTORY_EVERY: Duration = Duration::from_secs(10 * 60);
/// Beyond the answer to a submit, what its record and handing the file back may take when the worker stops.
const RECORD_WITHIN: Duration = Duration::from_secs(2);

/// What a worker works with.
#[derive(Clone)]
pub struct WorkerDeps {
    /// Jobs and files.
    pub store: Store,
    /// Images and models.
    pub blobs: Arc<dyn Blobs>,
    /// The models on offer.
    pub providers: Providers,
    /// FAL.AI.
    pub fal: FalClient,
    /// Notified when there may be something to claim (see [`makes_work`]).
    pub wake: Arc<Notify>,
    /// Settings.
    pub config: WorkerConfig,
}

/// What a worker's tasks share.
pub(super) struct Shared {
    pub store: Store,
    pub blobs: Arc<dyn Blobs>,
    pub providers: Providers,
    pub fal: FalClient,
    pub config: Arc<WorkerConfig>,
    pub clock: Clock,
    pub breaker: Breaker,
    pub insight: Insight,
    pub scans: Scans,
    pub knocks: Knocks,
    pub submits: Submits,
    running: AtomicUsize,
    started_at: i64,
    /// Whether FAL answered when it was last asked.
    reachable: watch::Sender<Option<bool>>,
}

/// A worker.
#[derive(Clone)]
pub struct Worker {
    shared: Arc<Shared>,
    wake: Arc<Notify>,
}

impl Worker {
    /// Prepares a worker; nothing happens before [`Worker::run`].
    #[must_use]
    pub fn new(deps: WorkerDeps) -> Self {
        let WorkerDeps { store, blobs, providers, fal, wake, config } = deps;
        let (running, started_at, config) = (AtomicUsize::new(0), presence::now_ms(), Arc::new(config));
        let reachable = watch::Sender::new(None);
        let (clock, breaker) = (Clock::default(), Breaker::default());
        let (insight, knocks, submits) = (Insight::of(fal.whose_history()), Knocks::default(), Submits::default());
        let scans = Scans::default();
        let shared = Shared {
            store,
            blobs,
            providers,
            fal,
            config,
            clock,
            breaker,
            insight,
            scans,
            knocks,
            submits,
            running,
            started_at,
            reachable,
        };
        Self { shared: Arc::new(shared), wake }
    }

    /// How it stands.
    #[must_use]
    pub fn status(&self) -> WorkerStatus {
        self.shared.status()
    }

    /// There is news of a file that may be followed here.
    pub fn knock(&self, file: &FileId) {
        self.shared.knocks.knock(file);
    }

    /// Works until `shutdown`; then claims nothing more, hands its files back with their request ids, and returns within
    /// the grace, or as soon after as every submit under way is answered. Dropping the future stops everything at once, as
    /// a crash would.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut tasks = JoinSet::new();
        tokio::select! {
            () = self.claim_loop(&mut tasks, &shutdown) => {}
            () = self.show_presence() => {}
            () = self.reach() => {}
            () = self.watch_history() => {}
            () = self.shared.tend_orphans() => {}
        }
        if !self.drain(&mut tasks).await {
            tracing::warn!(left = tasks.len(), "files were not handed back in time; their leases will run out");
            tasks.shutdown().await;
        }
        let leave = presence::leave(&self.shared.store, &self.shared.config.id);
        if !matches!(tokio::time::timeout(Duration::from_secs(2), leave).await, Ok(Ok(()))) {
            tracing::debug!("the worker's sign of life was left to run out");
        }
    }

    /// Waits until all tasks have ended; answers whether they have.
    async fn drain(&self, tasks: &mut JoinSet<()>) -> bool {
        let shared = &self.shared;
        let mut drained = std::pin::pin!(async { while tasks.join_next().await.is_some() {} });
        if tokio::time::timeout(shared.config.grace, &mut drained).await.is_ok() {
            return true;
        }
        // An answer that nobody hears has to be looked up by somebody else.
        let answered = tokio::time::timeout(shared.fal.submit_timeout() + RECORD_WITHIN, shared.submits.none());
        tokio::select! {
            () = &mut drained => return true,
            _ = answered => {}
        }
        tokio::time::timeout(RECORD_WITHIN, drained).await.is_ok()
    }

    async fn claim_loop(&self, tasks: &mut JoinSet<()>, shutdown: &CancellationToken) {
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
        while !shutdown.is_cancelled() {
            let idle = match self.claim(tasks.len()).await {
                Ok(claimed) => {
                    backoff.reset();
                    let more = claimed.files.len() >= CLAIM_AT_ONCE as usize;
                    for file in claimed.files {
                        tasks.spawn(self.shared.clone().drive(file, shutdown.clone()));
                    }
                    if more { Duration::ZERO } else { Duration::from_millis(claimed.wait_ms) }
                }
                Err(error) => {
                    tracing::warn!(code = error.code(), kind = error.metric_label(), %error, "files cannot be claimed");
                    backoff.next_delay(None)
                }
            };
            self.idle(idle.min(self.shared.config.longest_idle), tasks, shutdown).await;
        }
    }

    /// Sleeps until the time is over, there is news, or a task has ended.
    async fn idle(&self, longest: Duration, tasks: &mut JoinSet<()>, shutdown: &CancellationToken) {
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = self.wake.notified() => {}
            Some(ended) = tasks.join_next() => report(ended),
            () = tokio::time::sleep(longest) => {}
        }
        while let Some(ended) = tasks.try_join_next() {
            report(ended);
        }
    }

    async fn claim(&self, running: usize) -> Result<Claimed, crate::redis::RedisError> {
        let config = &self.shared.config;
        let room = config.max_in_flight.saturating_sub(u32::try_from(running).unwrap_or(u32::MAX));
        let claim = Claim {
            worker: config.id.clone(),
            lease_ms: config.lease_ms(),
            max_running: config.max_running,
            max_running_per_tenant: config.max_running_per_tenant,
            window_size: config.submits_per_window,
            window_ms: millis(config.submit_window),
            // With no room, too, files of dead workers and those whose time has come are put back in line.
            wanted: room.min(CLAIM_AT_ONCE),
        };
        let sent = Instant::now();
        let claimed = self.shared.store.run(&claim).await?;
        self.shared.clock.set(claimed.now_ms, sent);
        self.shared.breaker.hear(claimed.breaker);
        Ok(claimed)
    }

    /// Keeps asking whether FAL answers. Never returns.
    async fn reach(&self) {
        loop {
            let reachable = self.shared.fal.reachable().await;
            self.shared.reachable.send_replace(Some(reachable));
            tokio::time::sleep(REACH_EVERY).await;
        }
    }

    /// Keeps looking whether FAL's history can be read, on which it depends what becomes of a submit whose answer is lost.
    /// Never returns.
    async fn watch_history(&self) {
        let shared = &self.shared;
        loop {
            shared.hear_of_history().await;
            if let Some(endpoint) = self.any_endpoint().await {
                match shared.fal.try_history(&endpoint, shared.clock.now()).await {
                    Ok(()) => shared.insight.readable(true),
                    Err(error) if error.class() == Class::Blind => {
                        shared.insight.readable(false);
                        tracing::warn!(%error, "FAL.AI's request history may not be read with this key: a submit whose answer is lost cannot be found again. Set FAL_HISTORY_KEY");
                    }
                    Err(error) => tracing::debug!(%error, "FAL.AI's request history was not read"),
                }
            }
            tokio::time::sleep(HISTORY_EVERY).await;
        }
    }

    async fn any_endpoint(&self) -> Option<EndpointId> {
        for (_, provider) in self.shared.providers.iter() {
            if let Ok(about) = provider.describe().await
                && let Ok(endpoint) = EndpointId::parse(&about.endpoint)
            {
                return Some(endpoint);
            }
        }
        None
    }

    /// Keeps telling Redis that we are here. Never returns.
    async fn show_presence(&self) {
        let shared = &self.shared;
        let mut described = false;
        loop {
            if !described {
                described = presence::describe(&shared.store, &shared.providers).await.is_ok();
            }
            let (host, mode) = (&shared.config.host, &shared.config.fal_mode);
            if let Err(error) = presence::show(&shared.store, &shared.status(), host, mode).await {
                tracing::debug!(code = error.code(), "the worker's sign of life was not written");
            }
            tokio::time::sleep(if described { presence::EVERY } else { Duration::from_secs(1) }).await;
        }
    }
}

impl Shared {
    fn status(&self) -> WorkerStatus {
        WorkerStatus {
            id: self.config.id.clone(),
            running: self.running.load(Ordering::Relaxed),
            breaker: self.breaker.state(),
            reachable: *self.reachable.borrow(),
            history: self.insight.told(),
            started_at: self.started_at,
        }
    }

    async fn drive(self: Arc<Self>, file: ClaimedFile, shutdown: CancellationToken) {
        let _counted = Counted::new(&self.running);
        let held = Held::new(self.store.clone(), file.holding, self.config.clone(), shutdown);
        if file.lost_leases > 0 {
            tracing::info!(job_id = %held.holding.job, file_id = %held.holding.file, lost_leases = file.lost_leases, "a lost file is taken up again");
        }
        Attempt::begin(&self, held).await;
    }
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if ended.is_err_and(|error| error.is_panic()) {
        tracing::error!("a file's task panicked; its lease will run out");
    }
}

/// Counts a running task, however it ends.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whether an event (as JSON) may have made a file claimable: a new job, a file that waits again, or a place set free.
#[must_use]
pub fn makes_work(event: &str) -> bool {
    let Ok(event) = serde_json::from_str::<serde_json::Value>(event) else { return false };
    let status = event.get("status").and_then(serde_json::Value::as_str).unwrap_or_default();
    event.get("file_id").is_none() || matches!(status, "pending" | "completed" | "failed" | "cancelled")
}

#[cfg(test)]
mod tests {
    use super::makes_work;

    #[test]
    fn only_some_events_are_worth_a_claim() {
        assert!(makes_work(r#"{"type":"progress","status":"pending","progress":0}"#));
        assert!(makes_work(r#"{"type":"error","file_id":"f","status":"failed"}"#));
        assert!(!makes_work(r#"{"type":"progress","file_id":"f","status":"processing"}"#));
        assert!(!makes_work("nonsense"));
    }
}
