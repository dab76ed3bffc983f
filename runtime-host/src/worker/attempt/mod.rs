//! The path of one file: read its record, send it (or find out that it was sent), follow the request, keep the result,
//! and tell Redis how it ended.

mod follow;
mod keep;
mod reconcile;
mod send;

use std::sync::Arc;
use std::time::Duration;

use image2model_domain::FileStatus;
use image2model_domain::commands::{Cancelled, Complete, Fail, Progress, ReadJob, Release, Withdraw};
use image2model_domain::record::FileRecord;
use image2model_domain::trace;
use tracing::Instrument;

use super::config::millis;
use super::end::{End, Failure, Fields, HandBack};
use super::held::Held;
use super::presence::now_ms;
use super::provider::{Provider, ProviderDescription, ProviderError};
use super::run::Shared;
use crate::fal::{Backoff, Class, EndpointId, FalError};

/// How often a cancellation is sent to FAL before the file is let go.
const CANCEL_TRIES: u32 = 3;

/// One hold on one file.
pub(super) struct Attempt<'a> {
    shared: &'a Shared,
    held: Held,
    file: FileRecord,
    provider: Arc<dyn Provider>,
    about: ProviderDescription,
    endpoint: EndpointId,
    /// FAL's request, once known.
    request_id: Option<String>,
    /// Where FAL has the image of a submit that was announced.
    intent: Option<String>,
    /// When the submit was announced, ms since 1970.
    intended_at: i64,
    /// When the deadline began: with the submit, or when following it was taken up anew.
    deadline_from: i64,
}

impl<'a> Attempt<'a> {
    /// Drives a file until the hold on it ends.
    pub async fn begin(shared: &'a Shared, held: Held) {
        match Self::prepare(shared, &held).await {
            Ok((file, provider, about, endpoint)) => {
                let (request_id, intent) = (file.fal_request_id.clone(), file.intent.clone());
                let intended_at = file.intended_at.unwrap_or_else(now_ms);
                let span = named(&held, &file);
                let deadline_from = file.resumed_at.unwrap_or_default().max(intended_at);
                let attempt = Attempt {
                    shared,
                    held,
                    file,
                    provider,
                    about,
                    endpoint,
                    request_id,
                    intent,
                    intended_at,
                    deadline_from,
                };
                attempt.finish().instrument(span).await;
            }
            Err(End::Failed(failure)) => fail(&held, &failure).await,
            Err(_) => {}
        }
    }

    async fn prepare(
        shared: &Shared,
        held: &Held,
    ) -> Result<(FileRecord, Arc<dyn Provider>, ProviderDescription, EndpointId), End> {
        let job = held.ask(&ReadJob(&held.holding.job)).await?.ok_or(End::Dropped)?;
        let file = job.file(&held.holding.file).cloned().ok_or(End::Dropped)?;
        let unknown = || End::failed("UNKNOWN_MODEL", "The chosen model is not on offer", false);
        let provider = shared.providers.get(&file.model).cloned().ok_or_else(unknown)?;
        let about = provider.describe().await.map_err(|e| refused_by_provider(&e))?;
        let endpoint = EndpointId::parse(&about.endpoint).map_err(|error| {
            tracing::error!(provider = file.model, %error, "a provider names no endpoint");
            unknown()
        })?;
        Ok((file, provider, about, endpoint))
    }

    async fn finish(mut self) {
        let end = match self.go().await {
            Ok(fields) => End::Completed(fields),
            Err(end) => end,
        };
        self.settle(end).await;
    }

    async fn go(&mut self) -> Result<Fields, End> {
        let request_id = match (self.request_id.clone(), self.intent.clone()) {
            (Some(request_id), _) => request_id,
            (None, Some(image_url)) => self.reconcile(&image_url).await?,
            (None, None) => self.send().await?,
        };
        let outcome = self.follow(&request_id).await?;
        self.keep(outcome).await
    }

    /// Tells how far the file is; the answer may end the hold.
    async fn progress(&self, status: FileStatus, percent: u8, message: &str, ahead: Option<u32>) -> Result<(), End> {
        let lease_ms = self.held.config.lease_ms();
        let holding = &self.held.holding;
        self.held.step(&Progress { holding, lease_ms, status, percent, message, queue_position: ahead }).await
    }

    /// The end that an error of FAL leads to.
    fn end_of(&self, error: &FalError) -> End {
        let holding = &self.held.holding;
        tracing::warn!(
            job_id = %holding.job, file_id = %holding.file, request_id = %self.file.request_id,
            fal_request_id = self.request_id, class = ?error.class(), code = error.code(), %error,
            "FAL.AI failed for a file"
        );
        let attempts = self.file.attempts.saturating_sub(self.file.attempts_before);
        match End::of(error, attempts, self.backoff()) {
            End::Failed(failure) if self.may_send_anew(error.class()) => {
                End::Failed(Failure { retry_in: Some(Duration::ZERO), ..failure })
            }
            end => end,
        }
    }

    /// Where requests cost nothing, a lost one is sent again; so is one that was given up and cancelled for good before
    /// its owner asked for another attempt.
    fn may_send_anew(&self, class: Class) -> bool {
        match class {
            Class::Unknown => self.held.config.unpaid,
            Class::Cancelled => self.file.resumed_at.is_some(),
            _ => false,
        }
    }

    fn backoff(&self) -> Backoff {
        Backoff::new(self.held.config.retry_first, self.held.config.retry_longest)
    }

    /// Time left until the deadline that began with the submit.
    fn time_left(&self) -> Duration {
        let since = u64::try_from(now_ms().saturating_sub(self.deadline_from)).unwrap_or_default();
        self.held.config.deadline.saturating_sub(Duration::from_millis(since))
    }

    async fn settle(mut self, end: End) {
        match end {
            End::Completed(fields) => {
                let done = self.held.step(&Complete { holding: &self.held.holding, fields, cost_micro_usd: 0 }).await;
                self.say("a model is done", done.is_ok());
            }
            End::Failed(failure) => fail(&self.held, &failure).await,
            End::CancelWanted => {
                self.cancel_at_provider().await;
                let done = self.held.step(&Cancelled { holding: &self.held.holding }).await;
                self.say("a file was cancelled", done.is_ok());
            }
            End::HandedBack(why) => self.hand_back(why).await,
            End::Dropped => self.say("a file is held by somebody else now, or gone", false),
        }
    }

    fn say(&self, what: &'static str, done: bool) {
        let holding = &self.held.holding;
        tracing::info!(job_id = %holding.job, file_id = %holding.file, fal_request_id = self.request_id, done, "{what}");
    }

    async fn hand_back(&self, why: HandBack) {
        if why == HandBack::Account {
            self.shared.breaker.refused(tokio::time::Instant::now());
            let _ = self.progress(FileStatus::Pending, 0, "Waiting until the model provider is available", None).await;
        }
        let done = self.held.step(&Release { holding: &self.held.holding }).await;
        self.say("a file was handed back", done.is_ok());
    }

    /// Announces no submit any more: the last one was surely not accepted.
    async fn withdraw_intent(&mut self, image_url: &str) -> Result<(), End> {
        self.intent = None;
        self.held.step(&Withdraw { holding: &self.held.holding, image_url }).await
    }

    /// Stops the request at FAL, looking it up first when its submit was not answered. Best effort: a request that has
    /// begun may be finished, and billed, all the same.
    async fn cancel_at_provider(&mut self) {
        if let (None, Some(image_url)) = (&self.request_id, self.intent.clone()) {
            self.request_id = self.look_up(&image_url).await.ok().flatten();
        }
        let Some(request_id) = self.request_id.clone() else { return };
        let mut backoff = self.backoff();
        for _ in 0..CANCEL_TRIES {
            match self.shared.fal.cancel(&self.endpoint, &request_id).await {
                Ok(answer) => {
                    tracing::info!(fal_request_id = request_id, ?answer, "cancelled at FAL.AI");
                    return;
                }
                Err(error) => tracing::warn!(fal_request_id = request_id, %error, "cannot cancel at FAL.AI"),
            }
            tokio::time::sleep(backoff.next_delay(None)).await;
        }
    }
}

/// What every log line about the file says, down to FAL's client: the upload's request and its trace.
fn named(held: &Held, file: &FileRecord) -> tracing::Span {
    let (job_id, trace_id) = (&held.holding.job, trace::trace_id(&file.traceparent));
    let fal_request_id = file.fal_request_id.as_deref();
    tracing::error_span!("file", %job_id, file_id = %file.id, request_id = file.request_id, trace_id, fal_request_id)
}

/// What a provider's refusal means for a file: no new request is sent on its account.
fn refused_by_provider(error: &ProviderError) -> End {
    tracing::warn!(%error, "a provider refused");
    if error.code() == "NO_MODEL" {
        return End::without_model(error.code(), &error.client_message());
    }
    End::failed(error.code(), &error.client_message(), error.is_retryable())
}

async fn fail(held: &Held, failure: &Failure) {
    let retry_in_ms = failure.retry_in.map(millis);
    let Failure { code, message, retryable, resolved, resubmit, .. } = failure;
    let (retryable, resolved, resubmit) = (*retryable, *resolved, *resubmit);
    let holding = &held.holding;
    let step = Fail { holding, code, message, retryable, retry_in_ms, resolved, resubmit, cost_micro_usd: 0 };
    let done = held.step(&step).await.is_ok();
    tracing::warn!(job_id = %held.holding.job, file_id = %held.holding.file, code, retry_in_ms, done, "an attempt failed");
}
