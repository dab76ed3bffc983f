//! The path of one file: read its record, send it (or find out that it was sent), follow the request, keep the result,
//! and tell Redis how it ended.

mod cancel;
mod content;
mod follow;
mod keep;
mod learn;
mod lookup;
mod plugin;
mod reconcile;
mod send;
mod settle;
mod traced;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use image2model_domain::FileStatus;
use image2model_domain::commands::{Progress, ReadJob};
use image2model_domain::record::FileRecord;
use image2model_domain::trace;
use tracing::Instrument;

use super::cost;
use super::end::{End, Failure, Fields, Parked, Why};
use super::held::Held;
use super::provider::{Provider, ProviderDescription};
use super::run::Shared;
use crate::fal::{Backoff, Class, EndpointId, FalError};
use crate::trace::{Kind, Span};

/// One hold on one file.
pub(super) struct Attempt<'a> {
    shared: &'a Shared,
    held: Held,
    file: FileRecord,
    provider: Arc<dyn Provider>,
    about: ProviderDescription,
    /// Where the provider wants requests to be sent.
    asked_at: EndpointId,
    /// Where the one that is announced, or under way, was: the provider may have wanted something else by then.
    endpoint: EndpointId,
    /// FAL's request, once known.
    request_id: Option<String>,
    /// Where FAL has the image of a submit that was announced.
    intent: Option<String>,
    /// When the submit was announced, ms since 1970, by Redis.
    intended_at: i64,
    /// When the deadline began: when the file was first taken up since it was put in line. The same clock.
    deadline_from: i64,
    /// What a request that has ended was billed, millionths of a dollar.
    cost_micro_usd: u64,
    /// This hold, in the trace of the upload.
    span: Span,
}

impl<'a> Attempt<'a> {
    /// Drives a file until the hold on it ends.
    pub async fn begin(shared: &'a Shared, mut held: Held) {
        let claimed = SystemTime::now();
        let file = match read(&held).await {
            Ok(file) => file,
            Err(end) => return settle::without_provider(shared, &held, end, Duration::MAX).await,
        };
        let now = shared.clock.now();
        let deadline_from = file.first_claimed_at.unwrap_or(now).max(file.resumed_at.unwrap_or_default());
        let (provider, about, asked_at) = match provider_of(shared, &held, &file).await {
            Ok(found) => found,
            Err(end) => {
                let left = time_left(&held, now, deadline_from);
                return settle::without_provider(shared, &held, end, left).await;
            }
        };
        let (names, span) = (named(&held, &file), traced::begin(&held, &file, claimed));
        held.within(&span);
        let attempt = Attempt {
            shared,
            held,
            provider,
            about,
            endpoint: sent_to(&file).unwrap_or_else(|| asked_at.clone()),
            asked_at,
            request_id: file.fal_request_id.clone(),
            intent: file.intent.clone(),
            intended_at: file.intended_at.unwrap_or(now),
            deadline_from,
            cost_micro_usd: 0,
            file,
            span,
        };
        attempt.finish().instrument(names).await;
    }

    async fn finish(mut self) {
        let end = match self.go().await {
            Ok(fields) => End::Completed(fields),
            Err(end) => end,
        };
        traced::ended(&self.span, &end);
        self.settle(end).await;
    }

    async fn go(&mut self) -> Result<Fields, End> {
        let request_id = loop {
            let known = match (self.request_id.clone(), self.intent.clone()) {
                (Some(request_id), _) => Some(request_id),
                (None, Some(image_url)) => self.reconcile(&image_url).await?,
                (None, None) => self.send().await?,
            };
            if let Some(request_id) = known {
                break request_id;
            }
        };
        let part = self.part(Kind::Client, "follow", Some(&request_id));
        let outcome = part.done(self.follow(&request_id).await)?;
        self.cost_micro_usd = cost::micro_usd(outcome.billable_units.as_deref(), &self.about.prices);
        let part = self.part(Kind::Internal, "store", Some(&request_id));
        part.done(self.keep(outcome).await)
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
            fal_request_id = self.request_id, class = ?error.class(), code = error.code(),
            kind = error.metric_label(), %error,
            "FAL.AI failed for a file"
        );
        let attempts = self.file.attempts.saturating_sub(self.file.attempts_before);
        match End::of(error, attempts, self.backoff()) {
            End::Failed(failure) if self.may_send_anew(error.class()) => End::Failed(failure.followed_by_another()),
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

    /// Now by the clock of the records, ms since 1970.
    fn now(&self) -> i64 {
        self.shared.clock.now()
    }

    /// Time since the deadline began to run.
    fn time_taken(&self) -> Duration {
        since(self.now(), self.deadline_from)
    }

    /// Time left until the deadline.
    fn time_left(&self) -> Duration {
        time_left(&self.held, self.now(), self.deadline_from)
    }
}

async fn read(held: &Held) -> Result<FileRecord, End> {
    let job = held.ask(&ReadJob(&held.holding.job)).await?.ok_or(End::Gone)?;
    job.file(&held.holding.file).cloned().ok_or(End::Gone)
}

async fn provider_of(
    shared: &Shared,
    held: &Held,
    file: &FileRecord,
) -> Result<(Arc<dyn Provider>, ProviderDescription, EndpointId), End> {
    let unknown = || Failure::new("UNKNOWN_MODEL", "The chosen model is not on offer", false);
    let Some(provider) = shared.providers.get(&file.model).cloned() else {
        // Another worker may have it, or this one after its next start.
        return Err(End::Parked(Parked { why: Why::UnknownModel, failure: unknown() }));
    };
    let about = plugin::patiently(held, || provider.describe()).await?;
    let endpoint = EndpointId::parse(&about.endpoint).map_err(|error| {
        tracing::error!(provider = file.model, %error, "a provider names no endpoint");
        End::Failed(unknown())
    })?;
    Ok((provider, about, endpoint))
}

/// Where a request of the file was sent, or announced, if there is one. Files of before this was recorded do not say.
fn sent_to(file: &FileRecord) -> Option<EndpointId> {
    file.fal_request_id.as_ref().or(file.intent.as_ref())?;
    EndpointId::parse(file.endpoint.as_deref()?).ok()
}

fn time_left(held: &Held, now: i64, deadline_from: i64) -> Duration {
    held.config.deadline.saturating_sub(since(now, deadline_from))
}

fn since(now: i64, then: i64) -> Duration {
    Duration::from_millis(u64::try_from(now.saturating_sub(then)).unwrap_or_default())
}

/// What every log line about the file says, down to FAL's client: the upload's request and its trace.
fn named(held: &Held, file: &FileRecord) -> tracing::Span {
    let (job_id, trace_id) = (&held.holding.job, trace::trace_id(&file.traceparent));
    let fal_request_id = file.fal_request_id.as_deref();
    tracing::error_span!("file", %job_id, file_id = %file.id, request_id = file.request_id, trace_id, fal_request_id)
}
