//! From the stored image to a known request: upload, announce, submit, record.

use std::time::Duration;

use image2model_domain::FileStatus;
use image2model_domain::commands::{Bind, BindOutcome, Intend, IntendAnswer};

use super::{Attempt, refused_by_provider};
use crate::fal::Class;
use crate::worker::blobs::StoredImage;
use crate::worker::config::millis;
use crate::worker::end::End;
use crate::worker::presence::now_ms;
use crate::worker::progress;

impl Attempt<'_> {
    /// Sends the image and a request for it; answers the request's id.
    pub(super) async fn send(&mut self) -> Result<String, End> {
        self.progress(FileStatus::Uploading, progress::SENDING, "Sending the image to the model provider", None)
            .await?;
        let image = StoredImage { blobs: self.shared.blobs.clone(), key: self.file.blob.clone() };
        let upload = self.shared.fal.upload(&image, &self.file.content_type, &self.file.filename);
        let uploaded = self.held.interruptible(upload).await?.map_err(|e| self.end_of(&e))?;
        let request = self.provider.request(&self.file.options, &uploaded.file_url).await;
        let body = request.map_err(|e| refused_by_provider(&e))?;
        self.progress(FileStatus::Uploading, progress::SENT, "Asking for the model", None).await?;
        self.submit(&uploaded.file_url, &body).await
    }

    /// Submits until accepted. Repeated only after a sure refusal; a submit in doubt is looked up instead.
    async fn submit(&mut self, image_url: &str, body: &str) -> Result<String, End> {
        let mut backoff = self.backoff();
        loop {
            self.intended_at = now_ms();
            self.deadline_from = self.intended_at;
            if let Some(request_id) = self.announce(image_url).await? {
                return Ok(request_id);
            }
            self.intent = Some(image_url.to_owned());
            // Not to be interrupted: between the answer and its record nothing may come.
            let answer = self.shared.fal.submit(&self.endpoint, body.to_owned(), self.time_left()).await;
            let error = match answer {
                Ok(submitted) => {
                    self.shared.breaker.accepted();
                    return self.bind(submitted.request_id, image_url, false).await;
                }
                Err(error) => error,
            };
            if error.class() == Class::Ambiguous {
                tracing::warn!(file_id = %self.held.holding.file, %error, "a submit was not answered; looking it up");
                return self.reconcile(image_url).await;
            }
            self.withdraw_intent(image_url).await?;
            let last = backoff.failures() + 1 >= self.held.config.submit_tries;
            if last || error.class() != Class::Transient {
                return Err(self.end_of(&error));
            }
            self.held.rest(backoff.next_delay(error.retry_after())).await?;
        }
    }

    /// Announces the submit, as soon as it may be sent; answers the request that the file turned out to have.
    async fn announce(&mut self, image_url: &str) -> Result<Option<String>, End> {
        let mut looked_up = None;
        loop {
            let config = &self.held.config;
            let intend = Intend {
                holding: &self.held.holding,
                image_url,
                lease_ms: config.lease_ms(),
                window_size: config.claims_per_window,
                window_ms: millis(config.claim_window),
                looked_up,
            };
            match self.held.ask(&intend).await?.answer {
                IntendAnswer::Go => return Ok(None),
                IntendAnswer::Wait(ms) | IntendAnswer::HeldBack(ms) => {
                    self.held.rest(Duration::from_millis(ms)).await?;
                }
                IntendAnswer::Doubt { since } => looked_up = Some(since),
                IntendAnswer::Bound { request_id } => {
                    self.request_id = Some(request_id.clone());
                    return Ok(Some(request_id));
                }
                IntendAnswer::CancelRequested => return Err(End::CancelWanted),
                IntendAnswer::LeaseLost | IntendAnswer::Gone => return Err(End::Dropped),
            }
        }
    }

    /// Records the request's id, at once.
    pub(super) async fn bind(&mut self, request_id: String, image_url: &str, reconciled: bool) -> Result<String, End> {
        self.request_id = Some(request_id.clone());
        tracing::Span::current().record("fal_request_id", &request_id);
        let holding = &self.held.holding;
        match self.held.ask(&Bind { holding, request_id: &request_id, image_url, reconciled }).await? {
            BindOutcome::Done => {}
            BindOutcome::LeaseLost => return Err(End::Dropped),
            BindOutcome::Orphan | BindOutcome::Gone => {
                self.cancel_at_provider().await;
                return Err(End::Dropped);
            }
        }
        let holding = &self.held.holding;
        tracing::info!(
            job_id = %holding.job, file_id = %holding.file, request_id = %self.file.request_id,
            fal_request_id = request_id, reconciled, "a request is under way"
        );
        Ok(request_id)
    }
}
