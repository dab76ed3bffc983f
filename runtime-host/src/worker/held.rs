//! A file under lease: its steps, its heartbeats, and the news that it must be let go.
//!
//! Redis away is waited for. Whether a lease is lost, only Redis knows, so only its answer ends the hold; an unanswered
//! step may have been done, and its repetition then reads as "gone", which is as good.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use image2model_domain::commands::{Heartbeat, Holding, StepOutcome};
use image2model_domain::script::Command;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::config::WorkerConfig;
use super::end::{End, Failure, Parked, Why};
use crate::fal::Backoff;
use crate::redis::{RedisError, Store};
use crate::trace::Span;

/// Why the file must be let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Halt {
    CancelWanted,
    LeaseLost,
    Gone,
}

/// A held file. Dropping it ends the heartbeats.
pub(super) struct Held {
    pub holding: Holding,
    pub config: Arc<WorkerConfig>,
    store: Store,
    pub stopping: CancellationToken,
    halt: watch::Receiver<Option<Halt>>,
    _heart: AbortOnDropHandle<()>,
}

impl Held {
    /// Begins to keep the lease alive.
    pub fn new(store: Store, holding: Holding, config: Arc<WorkerConfig>, stopping: CancellationToken) -> Self {
        let (tell, halt) = watch::channel(None);
        let heart = tokio::spawn(beat(store.clone(), holding.clone(), config.clone(), tell));
        Self { holding, config, store, stopping, halt, _heart: AbortOnDropHandle::new(heart) }
    }

    /// From here on its steps are parts of this span.
    pub fn within(&mut self, span: &Span) {
        self.store = self.store.within(span);
    }

    /// Takes a step; an answer other than "done" is the end of the hold.
    pub async fn step<C: Command<Reply = StepOutcome>>(&self, command: &C) -> Result<(), End> {
        self.step_at(command).await.map(|_| ())
    }

    /// The same; answers an instant before which it was not done.
    pub async fn step_at<C: Command<Reply = StepOutcome>>(&self, command: &C) -> Result<Instant, End> {
        let (outcome, at) = self.ask_at(command).await?;
        judge(outcome).map(|()| at)
    }

    /// Whether the file is still held, wanted or not: asked before anything is undone at FAL, which may by now be the work
    /// of whoever holds it.
    pub async fn is_held(&self) -> bool {
        self.fence().stands().await
    }

    /// What asks that, for use elsewhere.
    pub fn fence(&self) -> Fence {
        Fence { store: self.store.clone(), holding: self.holding.clone(), config: self.config.clone() }
    }

    /// Sends a command until Redis answers, within the patience.
    pub async fn ask<C: Command>(&self, command: &C) -> Result<C::Reply, End> {
        self.ask_at(command).await.map(|(reply, _)| reply)
    }

    /// The same, with an instant before which Redis has not done it. What it grants ends no later than counted from there,
    /// however long its answer was under way.
    pub async fn ask_at<C: Command>(&self, command: &C) -> Result<(C::Reply, Instant), End> {
        self.fence().ask_at(command).await
    }

    /// The same for what must not be forgotten once it is acted on: answered when the replicas that the configuration asks
    /// for have it too, and asked again until then. Without replicas for too long the file is parked; the command was done.
    pub async fn ask_for_good_at<C: Command>(&self, command: &C) -> Result<(C::Reply, Instant), End> {
        self.fence().until_answered(|| self.store.run_replicated(command)).await
    }

    /// Awaits something that may be left at any point: it is, when the file must be let go or the worker stops.
    pub async fn interruptible<F: Future>(&self, work: F) -> Result<F::Output, End> {
        let mut halt = self.halt.clone();
        tokio::select! {
            biased;
            () = self.stopping.cancelled() => Err(End::Stopping),
            Ok(halt) = halt.wait_for(Option::is_some) => Err(match *halt {
                Some(Halt::CancelWanted) => End::CancelWanted,
                Some(Halt::Gone) => End::Gone,
                _ => End::Dropped,
            }),
            output = work => Ok(output),
        }
    }

    /// Sleeps, unless there is a reason to leave.
    pub async fn rest(&self, duration: Duration) -> Result<(), End> {
        self.interruptible(tokio::time::sleep(duration)).await
    }

    /// Sleeps, or until something comes to pass; answers whether it did.
    pub async fn rest_until(&self, duration: Duration, news: impl Future<Output = ()>) -> Result<bool, End> {
        self.interruptible(tokio::time::timeout(duration, news)).await.map(|rested| rested.is_ok())
    }
}

/// Asks whether a file is held.
#[derive(Clone)]
pub(super) struct Fence {
    store: Store,
    holding: Holding,
    config: Arc<WorkerConfig>,
}

impl Fence {
    /// Whether it is, wanted or not.
    pub async fn stands(&self) -> bool {
        let heartbeat = Heartbeat { holding: &self.holding, lease_ms: self.config.lease_ms() };
        matches!(self.ask_at(&heartbeat).await, Ok((StepOutcome::Done | StepOutcome::CancelRequested, _)))
    }

    async fn ask_at<C: Command>(&self, command: &C) -> Result<(C::Reply, Instant), End> {
        self.until_answered(|| self.store.run(command)).await
    }

    async fn until_answered<T, F>(&self, ask: impl Fn() -> F) -> Result<(T, Instant), End>
    where
        F: Future<Output = Result<T, RedisError>>,
    {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));
        let started = Instant::now();
        loop {
            let sent = Instant::now();
            let error = match ask().await {
                Ok(reply) => return Ok((reply, sent)),
                Err(error) => error,
            };
            if !error.is_retryable() || started.elapsed() > self.config.redis_patience {
                tracing::error!(job_id = %self.holding.job, file_id = %self.holding.file, code = error.code(), kind = error.metric_label(), %error, "a step was given up");
                return Err(match error {
                    RedisError::NotReplicated { .. } => {
                        let failure = Failure::new(error.code(), Why::NotReplicated.message(), true);
                        End::Parked(Parked { why: Why::NotReplicated, failure })
                    }
                    _ => End::Dropped,
                });
            }
            tokio::time::sleep(backoff.next_delay(None)).await;
        }
    }
}

fn judge(outcome: StepOutcome) -> Result<(), End> {
    match outcome {
        StepOutcome::Done | StepOutcome::JobEnded | StepOutcome::WillRetry => Ok(()),
        StepOutcome::CancelRequested => Err(End::CancelWanted),
        StepOutcome::LeaseLost => Err(End::Dropped),
        StepOutcome::Gone => Err(End::Gone),
    }
}

/// Extends the lease three times in its length, until told otherwise.
async fn beat(store: Store, holding: Holding, config: Arc<WorkerConfig>, tell: watch::Sender<Option<Halt>>) {
    let usual = config.lease / 3;
    let mut pause = usual;
    loop {
        tokio::time::sleep(pause).await;
        let answer = store.run(&Heartbeat { holding: &holding, lease_ms: config.lease_ms() }).await;
        pause = if answer.is_ok() { usual } else { usual.min(Duration::from_secs(1)) };
        let halt = match answer {
            Ok(StepOutcome::CancelRequested) => Halt::CancelWanted,
            Ok(StepOutcome::LeaseLost) => Halt::LeaseLost,
            Ok(StepOutcome::Gone) => Halt::Gone,
            _ => continue,
        };
        tell.send_replace(Some(halt));
        if halt != Halt::CancelWanted {
            return;
        }
    }
}
