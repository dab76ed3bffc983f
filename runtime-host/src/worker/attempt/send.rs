//! From the stored image to a known request: upload, announce, submit, record.

use std::time::Duration;

use image2model_domain::FileStatus;
use image2model_domain::commands::{Bind, BindOutcome, Intend, IntendAnswer, LookedUp};
use image2model_domain::queue::Priority;
use image2model_domain::time::millis;
use tokio::time::Instant;
use url::Url;

use super::Attempt;
use super::reconcile::Doubt;
use crate::fal::{Class, Submission};
use crate::trace::Kind;
use crate::worker::blobs::StoredImage;
use crate::worker::end::{End, Failure, Parked, Why};
use crate::worker::progress;
use crate::worker::webhook;

/// Who is held back for no longer than this keeps the file, and the image at FAL, meanwhile.
const SHORT_WAIT: Duration = Duration::from_secs(2);

/// What came of announcing a submit.
enum Announced {
    /// It may be sent; an instant before which Redis had not noted it.
    At(Instant),
    /// The file turned out to have a request.
    Known(String),
}

impl Attempt<'_> {
    /// Sends the image and a request for it; answers the request's id, or `None` when the submit's fate is unknown.
    pub(super) async fn send(&mut self) -> Result<Option<String>, End> {
        if self.time_left() == Duration::ZERO {
            return Err(self.too_late());
        }
        self.endpoint = self.asked_at.clone();
        self.progress(FileStatus::Uploading, progress::SENDING, "Sending the image to the model provider", None)
            .await?;
        let image = StoredImage { blobs: self.shared.blobs.clone(), key: self.file.blob.clone() };
        let name = self.image_name();
        let part = self.part(Kind::Client, "upload", None);
        let upload = self.shared.fal.upload(&image, &self.file.content_type, &name);
        let uploaded = part.done(self.held.interruptible(upload).await?.map_err(|e| self.end_of(&e)))?;
        self.shared.breaker.heard_from();
        let body = self.patiently(|| self.provider.request(&self.file.options, &uploaded.file_url)).await?;
        self.progress(FileStatus::Uploading, progress::SENT, "Asking for the model", None).await?;
        self.submit(&uploaded.file_url, &body).await
    }

    /// Submits until accepted. Repeated only after a sure refusal; a submit in doubt is looked up instead.
    async fn submit(&mut self, image_url: &str, body: &str) -> Result<Option<String>, End> {
        let mut backoff = self.backoff();
        loop {
            let shared = self.shared;
            // An announcement spends what policy grants once.
            if self.time_left() == Duration::ZERO {
                return Err(self.too_late());
            }
            let announced_at = match self.announce(image_url).await? {
                Announced::At(announced_at) => announced_at,
                Announced::Known(request_id) => return Ok(Some(request_id)),
            };
            // FAL would begin what is cancelled at once, and bill it.
            if self.time_left() == Duration::ZERO {
                self.withdraw_intent(image_url).await?;
                return Err(self.too_late());
            }
            // A stopping worker waits from here until the answer is recorded.
            let under_way = shared.submits.begin();
            let webhook = self.webhook(image_url);
            let submission = Submission {
                body,
                start_within: self.time_left(),
                not_after: announced_at + self.held.config.lease / 2,
                webhook: webhook.as_ref(),
                low_priority: self.file.priority == Priority::Low,
            };
            // Not to be interrupted: between the answer and its record nothing may come.
            let part = self.part(Kind::Client, "submit", None);
            let answer = shared.fal.submit(&self.endpoint, submission).await;
            part.answered(answer.as_ref().map(|submitted| &*submitted.request_id));
            let error = match answer {
                Ok(submitted) => {
                    let bound = self.bind(submitted.request_id, image_url, false).await?;
                    shared.breaker.accepted();
                    return Ok(Some(bound));
                }
                Err(error) => error,
            };
            if error.class() == Class::Ambiguous {
                tracing::warn!(file_id = %self.held.holding.file, %error, "a submit was not answered; looking it up");
                return Ok(None);
            }
            self.withdraw_intent(image_url).await?;
            drop(under_way);
            let last = backoff.failures() + 1 >= self.held.config.submit_tries;
            if last || error.class() != Class::Transient {
                return Err(self.end_of(&error));
            }
            self.held.rest(backoff.next_delay(error.retry_after())).await?;
        }
    }

    /// Announces a submit as soon as it may be sent.
    async fn announce(&mut self, image_url: &str) -> Result<Announced, End> {
        let mut looked_up = None;
        loop {
            let config = &self.held.config;
            let intend = Intend {
                holding: &self.held.holding,
                image_url,
                endpoint: self.endpoint.as_str(),
                lease_ms: config.lease_ms(),
                window_size: config.submits_per_window,
                window_ms: millis(config.submit_window),
                looked_up,
            };
            let (intended, announced_at) = match self.held.ask_for_good_at(&intend).await {
                Err(end @ End::Parked(_)) => {
                    // Redis knows of it, and nothing was sent.
                    self.withdraw_intent(image_url).await?;
                    return Err(end);
                }
                answered => answered?,
            };
            self.shared.clock.set(intended.now_ms, announced_at);
            match intended.answer {
                IntendAnswer::Go => {
                    self.intended_at = intended.now_ms;
                    self.intent = Some(image_url.to_owned());
                    return Ok(Announced::At(announced_at));
                }
                IntendAnswer::Wait(ms) => self.held.rest(Duration::from_millis(ms)).await?,
                IntendAnswer::HeldBack(ms) => self.be_held_back(Duration::from_millis(ms)).await?,
                IntendAnswer::Doubt { since } => match self.look_into_doubt(since).await? {
                    Doubt::Found(request_id) => return Ok(Announced::Known(request_id)),
                    Doubt::None { sure } => looked_up = Some(LookedUp { since, sure }),
                },
                IntendAnswer::Bound { request_id } => {
                    self.request_id = Some(request_id.clone());
                    return Ok(Announced::Known(request_id));
                }
                IntendAnswer::CancelRequested => return Err(End::CancelWanted),
                IntendAnswer::LeaseLost => return Err(End::Dropped),
                IntendAnswer::Gone => return Err(End::Gone),
            }
        }
    }

    /// Others found FAL to be away: a short wait is waited here, a long one elsewhere.
    async fn be_held_back(&self, wait: Duration) -> Result<(), End> {
        if wait <= SHORT_WAIT {
            return self.held.rest(wait).await;
        }
        let failure = Failure::new("PROVIDER_UNAVAILABLE", "The model provider cannot be reached", true);
        Err(End::Parked(Parked { why: Why::HeldBack(wait), failure }))
    }

    fn webhook(&self, image_url: &str) -> Option<Url> {
        let base = self.held.config.webhook_url.as_ref()?;
        Some(webhook::url(base, &self.held.holding.job, &self.held.holding.file, image_url))
    }

    /// Records the request's id, at once. A request that the file has no use for is cancelled.
    pub(super) async fn bind(&mut self, request_id: String, image_url: &str, reconciled: bool) -> Result<String, End> {
        self.request_id = Some(request_id.clone());
        tracing::Span::current().record("fal_request_id", &request_id);
        let holding = &self.held.holding;
        let outcome = self.held.ask(&Bind { holding, request_id: &request_id, image_url, reconciled }).await?;
        tracing::info!(
            job_id = %holding.job, file_id = %holding.file, request_id = %self.file.request_id,
            fal_request_id = request_id, reconciled, ?outcome, "a request is under way"
        );
        match outcome {
            BindOutcome::Done => Ok(request_id),
            BindOutcome::LeaseLost => Err(End::Dropped),
            BindOutcome::Orphan | BindOutcome::Gone => {
                self.abandon().await;
                Err(End::Dropped)
            }
        }
    }
}
