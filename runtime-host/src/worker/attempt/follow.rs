//! Follows a request to its result. Trouble while asking says nothing about the request, so it never fails the file; the
//! deadline does, and FAL's own word.

use std::time::Duration;

use image2model_domain::FileStatus;
use image2model_domain::commands::Log;
use tokio::time::Instant;

use super::Attempt;
use super::learn::Learning;
use crate::fal::{Backoff, CancelAnswer, Class, FalError, LogLine, Outcome, RequestStatus, jittered};
use crate::worker::end::{End, Failure};
use crate::worker::logs::Logs;
use crate::worker::progress;

/// How often in a row FAL may not know a request before the history is asked.
const MOST_UNKNOWN: u32 = 5;
/// A status or a result that cannot be read is asked for at least this often, deadline or not: it is paid for.
const LEAST_TRIES: u32 = 8;
/// How often a failure is heard before a new request is paid for on its word: a gateway on the way may put a request's id on an
/// error of its own, and a request that has failed goes on saying so.
const LEAST_FAILURES: u32 = 4;
/// How often a result is asked for that does not name its request, before it is taken for FAL's all the same.
const MOST_UNVOUCHED: u32 = 4;
/// How often a request that was told to stop is asked whether it has.
const LOOKS_AFTER_CANCEL: u32 = 3;

/// What following has seen so far.
struct Following<'a> {
    started: Instant,
    /// When it was first seen running, as far back as is known, ms since 1970.
    running_since: Option<i64>,
    most_ahead: u32,
    logs: Logs,
    unknown: u32,
    trouble: Backoff,
    learning: Option<Learning<'a>>,
    /// FAL has said that it ended, and named no error.
    ended_well: bool,
}

/// How a request was seen to end.
enum Ending {
    /// By itself; whether FAL said so and named no error.
    Usual { well: bool },
    /// After it was told to stop because the deadline was over.
    GivenUp,
    /// Only the history knows of it any more.
    Remembered(Outcome),
}

impl Attempt<'_> {
    /// Waits for the request to end, telling how far it is; answers its result.
    pub(super) async fn follow(&mut self, request_id: &str) -> Result<Outcome, End> {
        let (mut given_up, well) = match self.await_completion(request_id).await? {
            Ending::Remembered(outcome) => return Ok(outcome),
            Ending::GivenUp => (true, false),
            Ending::Usual { well } => (false, well),
        };
        self.progress(FileStatus::Processing, progress::FETCHING, "Fetching the model", None).await?;
        let (mut backoff, mut failures, mut unknown, mut unvouched) = (self.backoff(), 0, 0, 0);
        loop {
            let error = match self.held.interruptible(self.shared.fal.result(&self.endpoint, request_id)).await? {
                Ok(outcome) if !outcome.is_vouched_for && unvouched + 1 < MOST_UNVOUCHED => {
                    unvouched += 1;
                    self.held.rest(backoff.next_delay(None)).await?;
                    continue;
                }
                Ok(outcome) => return Ok(outcome),
                Err(error) => error,
            };
            match error.class() {
                Class::Unknown if unknown >= MOST_UNKNOWN => {
                    if let Some(outcome) = self.remembered(request_id, &error).await? {
                        return Ok(outcome);
                    }
                    if self.time_left() == Duration::ZERO {
                        if given_up {
                            return Err(self.too_late());
                        }
                        self.give_up(request_id).await?;
                        given_up = true;
                    }
                    backoff.reset();
                    unknown = 0;
                }
                Class::Unknown => unknown += 1,
                Class::Transient if backoff.failures() < LEAST_TRIES || self.time_left() > Duration::ZERO => {}
                Class::FailedTransiently if failures + 1 < LEAST_FAILURES => failures += 1,
                Class::FailedTransiently if well => {
                    if let Some(outcome) = self.contradicted(request_id, &error).await? {
                        return Ok(outcome);
                    }
                }
                Class::Cancelled if given_up => return Err(End::without_model(LATE, LATE_MESSAGE)),
                _ => return Err(self.result_error(&error)),
            }
            self.held.rest(backoff.next_delay(error.retry_after())).await?;
        }
    }

    /// FAL said that the request ended well, and its result is answered as a failure, which a gateway can make of anything: the
    /// history has the last word. Answers the result when it has it, nothing while there is time to ask again.
    async fn contradicted(&self, request_id: &str, error: &FalError) -> Result<Option<Outcome>, End> {
        let recorded = self.held.interruptible(self.recorded(request_id)).await?;
        match (recorded.ok().flatten(), self.result_error(error)) {
            (Some(request), end) if !request.is_promising() => Err(end),
            (Some(request), _) if request.status_code.is_some() && request.output.is_object() => {
                Ok(Some(remembered_as(request.output)))
            }
            _ if self.time_left() > Duration::ZERO => Ok(None),
            // A retry asks for its result again.
            (_, End::Failed(failure)) => Err(End::Failed(Failure { retry_in: None, resolved: false, ..failure })),
            (_, end) => Err(end),
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

    async fn await_completion(&mut self, request_id: &str) -> Result<Ending, End> {
        let shared = self.shared;
        let listener = shared.knocks.listen(&self.held.holding.file);
        let fresh = self.file.fal_request_id.is_none();
        let mut seen = Following {
            started: Instant::now(),
            running_since: (!fresh).then_some(self.intended_at),
            most_ahead: 0,
            logs: Logs::default(),
            unknown: 0,
            trouble: self.backoff(),
            learning: fresh.then(|| self.begin_to_learn(false)).flatten(),
            ended_well: false,
        };
        if fresh {
            self.progress(FileStatus::QueuedAtProvider, progress::ACCEPTED, "Waiting at the model provider", None)
                .await?;
        }
        // Whether FAL has told that it has ended.
        let mut told = false;
        loop {
            let answer = self.held.interruptible(shared.fal.status(&self.endpoint, request_id)).await?;
            let pause = match answer {
                Ok(status) => {
                    seen.trouble.reset();
                    seen.unknown = 0;
                    shared.breaker.answered(&shared.store).await;
                    let waits = matches!(status, RequestStatus::InQueue { .. });
                    if self.tell(status, &mut seen).await? {
                        return Ok(Ending::Usual { well: seen.ended_well });
                    }
                    let lesson = self.learn(request_id, seen.learning.take(), waits);
                    seen.learning = self.held.interruptible(lesson).await?;
                    self.poll_interval(seen.started.elapsed())
                }
                // Its last log lines cannot be had; its result may.
                Err(error) if told && error.class() == Class::Transient => return Ok(Ending::Usual { well: false }),
                Err(error) => {
                    let pause = self.trouble(&error, &mut seen)?;
                    if seen.unknown >= MOST_UNKNOWN {
                        if let Some(outcome) = self.remembered(request_id, &error).await? {
                            return Ok(Ending::Remembered(outcome));
                        }
                        seen.unknown = 0;
                    }
                    pause
                }
            };
            // A poll without an answer does not tell whether the request has long been done.
            let answered = matches!(seen.trouble.failures(), 0 | LEAST_TRIES..);
            if answered && self.time_left() == Duration::ZERO {
                self.give_up(request_id).await?;
                return Ok(Ending::GivenUp);
            }
            told |= self.held.rest_until(pause, listener.news()).await?;
        }
    }

    /// Passes a status on; answers whether the request has ended.
    async fn tell(&self, status: RequestStatus, seen: &mut Following<'_>) -> Result<bool, End> {
        match status {
            RequestStatus::InQueue { position } => {
                let ahead = position.unwrap_or_default();
                seen.most_ahead = seen.most_ahead.max(ahead);
                let percent = progress::queued(ahead, seen.most_ahead);
                let message = self.in_time("Waiting at the model provider");
                self.progress(FileStatus::QueuedAtProvider, percent, message, position).await?;
            }
            RequestStatus::InProgress { logs } => {
                self.pass_on(seen.logs.fresh(logs)).await?;
                let since = *seen.running_since.get_or_insert_with(|| self.now());
                let elapsed = u64::try_from(self.now().saturating_sub(since)).unwrap_or_default();
                let percent = progress::making(Duration::from_millis(elapsed), self.typical());
                let message = self.in_time("The model is being made");
                self.progress(FileStatus::Processing, percent, message, None).await?;
            }
            RequestStatus::Completed { logs, inference_seconds, failed } => {
                seen.ended_well = !failed;
                self.pass_on(seen.logs.fresh(logs)).await?;
                tracing::debug!(fal_request_id = self.request_id, inference_seconds, "a request has ended");
                return Ok(true);
            }
            RequestStatus::Other(word) => tracing::warn!(status = word, "FAL.AI answered an unknown status"),
        }
        Ok(false)
    }

    /// The message until the soft deadline.
    fn in_time(&self, message: &'static str) -> &'static str {
        if self.time_taken() < self.held.config.soft_deadline {
            message
        } else {
            "The model is taking longer than usual"
        }
    }

    async fn pass_on(&self, lines: Vec<LogLine>) -> Result<(), End> {
        for LogLine { level, message, timestamp } in &lines {
            self.held.step(&Log { holding: &self.held.holding, level, message, timestamp }).await?;
        }
        Ok(())
    }

    /// What to do about a poll that failed: wait, unless FAL refuses the account.
    fn trouble(&self, error: &FalError, seen: &mut Following<'_>) -> Result<Duration, End> {
        match error.class() {
            Class::Operator => return Err(self.end_of(error)),
            Class::Unknown => seen.unknown += 1,
            _ => tracing::debug!(fal_request_id = self.request_id, %error, "a status poll failed"),
        }
        Ok(seen.trouble.next_delay(error.retry_after()))
    }

    /// FAL insists that there is no such request: the history has the last word. Answers the result when it has it, nothing
    /// when the request still runs, or while the history cannot be read and there is time to ask again.
    async fn remembered(&mut self, request_id: &str, error: &FalError) -> Result<Option<Outcome>, End> {
        let asked_at = self.now();
        let recorded = self.held.interruptible(self.recorded(request_id)).await?;
        match recorded {
            Ok(Some(request)) if request.status_code.is_none() => Ok(None),
            Err(unread) if self.may_be_read_later(&unread) => {
                tracing::warn!(fal_request_id = request_id, error = %unread, "FAL.AI's request history cannot be read");
                Ok(None)
            }
            Ok(Some(request)) if request.is_promising() && request.output.is_object() => {
                tracing::warn!(fal_request_id = request_id, "a result was only to be found in the history");
                Ok(Some(remembered_as(request.output)))
            }
            recorded => {
                // Where running requests are not listed, this may be one.
                let denied = matches!(recorded, Ok(None)) && self.shared.is_sure(self.intended_at, asked_at);
                let failed = recorded.ok().flatten().is_some_and(|request| !request.is_promising());
                Err(match self.end_of(error) {
                    // Nobody knows it, and its owner has asked for another attempt since: that may be a new request.
                    End::Failed(failure) if denied && self.file.resumed_at.is_some() => {
                        End::Failed(failure.followed_by_another())
                    }
                    End::Failed(failure) => End::Failed(Failure { resolved: failed || failure.resolved, ..failure }),
                    end => end,
                })
            }
        }
    }

    /// Whether there is something to wait for: of a simulator's request nothing is lost.
    fn may_be_read_later(&self, unread: &FalError) -> bool {
        unread.class() != Class::Blind && self.time_left() > Duration::ZERO && !self.held.config.unpaid
    }

    fn typical(&self) -> Duration {
        let pace = self.held.config.pace.max(0.01);
        Duration::from_secs_f64(f64::from(self.about.typical_seconds) / pace)
    }

    fn poll_interval(&self, elapsed: Duration) -> Duration {
        let config = &self.held.config;
        jittered(if elapsed < config.poll_quickly_for { config.poll_quick } else { config.poll_slow })
    }

    /// The deadline is over: tells FAL to stop. Returns when the request has ended all the same, and its result is to be
    /// had; what is paid for is not thrown away.
    async fn give_up(&mut self, request_id: &str) -> Result<(), End> {
        if !self.held.is_held().await {
            return Err(End::Dropped);
        }
        let looks = match self.cancel_at_provider().await {
            Some(CancelAnswer::AlreadyCompleted) => return Ok(()),
            Some(CancelAnswer::Requested) => LOOKS_AFTER_CANCEL,
            _ => 0,
        };
        for _ in 0..looks {
            self.held.rest(jittered(self.held.config.poll_quick)).await?;
            let status = self.held.interruptible(self.shared.fal.status(&self.endpoint, request_id)).await?;
            if matches!(status, Ok(RequestStatus::Completed { .. })) {
                return Ok(());
            }
        }
        Err(self.too_late())
    }

    /// The deadline is over, and there is no model.
    pub(super) fn too_late(&self) -> End {
        End::failed(LATE, LATE_MESSAGE, true)
    }
}

const LATE: &str = "PROVIDER_TIMEOUT";
const LATE_MESSAGE: &str = "The model provider took too long";

/// A result that only the history has any more.
fn remembered_as(output: serde_json::Value) -> Outcome {
    Outcome { output, billable_units: None, is_vouched_for: true }
}
