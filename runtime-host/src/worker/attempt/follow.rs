//! Follows a request to its result. Trouble while asking says nothing about the request, so it never fails the file; the
//! deadline does, and FAL's own word.

use std::time::Duration;

use image2model_domain::FileStatus;
use image2model_domain::commands::Log;
use tokio::time::Instant;

use super::Attempt;
use crate::fal::{Backoff, Class, FalError, LogLine, Outcome, RequestStatus, jittered};
use crate::worker::end::End;
use crate::worker::logs::Logs;
use crate::worker::presence::now_ms;
use crate::worker::progress;

/// How often in a row FAL may not know a request before it is believed.
const MOST_UNKNOWN: u32 = 5;
/// A status or a result that cannot be read is asked for at least this often, deadline or not: it is paid for.
const LEAST_TRIES: u32 = 8;

/// What following has seen so far.
struct Following {
    started: Instant,
    /// When it was first seen running, as far back as is known, ms since 1970.
    running_since: Option<i64>,
    most_ahead: u32,
    logs: Logs,
    unknown: u32,
    trouble: Backoff,
}

impl Attempt<'_> {
    /// Waits for the request to end, telling how far it is; answers its result.
    pub(super) async fn follow(&mut self, request_id: &str) -> Result<Outcome, End> {
        self.await_completion(request_id).await?;
        self.progress(FileStatus::Processing, progress::FETCHING, "Fetching the model", None).await?;
        let mut backoff = self.backoff();
        loop {
            let error = match self.held.interruptible(self.shared.fal.result(&self.endpoint, request_id)).await? {
                Ok(outcome) => return Ok(outcome),
                Err(error) => error,
            };
            let unknown = error.class() == Class::Unknown && backoff.failures() < MOST_UNKNOWN;
            let patient = backoff.failures() < LEAST_TRIES || self.time_left() > Duration::ZERO;
            if !(unknown || error.class() == Class::Transient && patient) {
                return Err(self.result_error(&error));
            }
            self.held.rest(backoff.next_delay(error.retry_after())).await?;
        }
    }

    /// A result that stays out of reach is not asked for anew: the model it belongs to is paid for.
    fn result_error(&self, error: &FalError) -> End {
        match self.end_of(error) {
            End::Failed(mut failure) if error.class() == Class::Transient => {
                failure.retry_in = None;
                End::Failed(failure)
            }
            end => end,
        }
    }

    async fn await_completion(&mut self, request_id: &str) -> Result<(), End> {
        let mut seen = Following {
            started: Instant::now(),
            running_since: self.file.fal_request_id.is_some().then_some(self.intended_at),
            most_ahead: 0,
            logs: Logs::default(),
            unknown: 0,
            trouble: self.backoff(),
        };
        if self.file.fal_request_id.is_none() {
            self.progress(FileStatus::QueuedAtProvider, progress::ACCEPTED, "Waiting at the model provider", None)
                .await?;
        }
        loop {
            let answer = self.held.interruptible(self.shared.fal.status(&self.endpoint, request_id)).await?;
            let pause = match answer {
                Ok(status) => {
                    seen.trouble.reset();
                    seen.unknown = 0;
                    self.shared.breaker.answered(Instant::now());
                    if self.tell(status, &mut seen).await? {
                        return Ok(());
                    }
                    self.poll_interval(seen.started.elapsed())
                }
                Err(error) => self.trouble(&error, &mut seen)?,
            };
            // A poll without an answer does not tell whether the request has long been done.
            let answered = matches!(seen.trouble.failures(), 0 | LEAST_TRIES..);
            if answered && self.time_left() == Duration::ZERO {
                return Err(self.overdue().await);
            }
            self.held.rest(pause).await?;
        }
    }

    /// Passes a status on; answers whether the request has ended.
    async fn tell(&self, status: RequestStatus, seen: &mut Following) -> Result<bool, End> {
        match status {
            RequestStatus::InQueue { position } => {
                let ahead = position.unwrap_or_default();
                seen.most_ahead = seen.most_ahead.max(ahead);
                let percent = progress::queued(ahead, seen.most_ahead);
                self.progress(FileStatus::QueuedAtProvider, percent, "Waiting at the model provider", position).await?;
            }
            RequestStatus::InProgress { logs } => {
                self.pass_on(seen.logs.fresh(logs)).await?;
                let since = *seen.running_since.get_or_insert_with(now_ms);
                let elapsed = u64::try_from(now_ms().saturating_sub(since)).unwrap_or_default();
                let percent = progress::making(Duration::from_millis(elapsed), self.typical());
                self.progress(FileStatus::Processing, percent, "The model is being made", None).await?;
            }
            RequestStatus::Completed { logs, inference_seconds } => {
                self.pass_on(seen.logs.fresh(logs)).await?;
                tracing::debug!(fal_request_id = self.request_id, inference_seconds, "a request has ended");
                return Ok(true);
            }
            RequestStatus::Other(word) => tracing::warn!(status = word, "FAL.AI answered an unknown status"),
        }
        Ok(false)
    }

    async fn pass_on(&self, lines: Vec<LogLine>) -> Result<(), End> {
        for LogLine { level, message, timestamp } in &lines {
            self.held.step(&Log { holding: &self.held.holding, level, message, timestamp }).await?;
        }
        Ok(())
    }

    /// What to do about a poll that failed: wait, unless FAL refuses the account or insists that there is no request.
    fn trouble(&self, error: &FalError, seen: &mut Following) -> Result<Duration, End> {
        match error.class() {
            Class::Operator => return Err(self.end_of(error)),
            Class::Unknown => seen.unknown += 1,
            _ => tracing::debug!(fal_request_id = self.request_id, %error, "a status poll failed"),
        }
        if seen.unknown >= MOST_UNKNOWN {
            return Err(self.end_of(error));
        }
        Ok(seen.trouble.next_delay(error.retry_after()))
    }

    fn typical(&self) -> Duration {
        let pace = self.held.config.pace.max(0.01);
        Duration::from_secs_f64(f64::from(self.about.typical_seconds) / pace)
    }

    fn poll_interval(&self, elapsed: Duration) -> Duration {
        let config = &self.held.config;
        jittered(if elapsed < config.poll_quickly_for { config.poll_quick } else { config.poll_slow })
    }

    async fn overdue(&mut self) -> End {
        self.cancel_at_provider().await;
        End::failed("PROVIDER_TIMEOUT", "The model provider took too long", true)
    }
}
