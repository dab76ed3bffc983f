//! A submit was announced and its answer is not known (lost on the way, or its worker died): FAL's history is asked
//! before anything is sent again. Only when it stays blind does the policy decide.

use std::time::Duration;

use image2model_domain::FileStatus;
use image2model_domain::commands::ReadJob;
use tokio::time::Instant;

use super::Attempt;
use crate::fal::{Class, FalError};
use crate::worker::config::UncertainSubmits;
use crate::worker::end::{End, Failure};
use crate::worker::progress;

/// The history is searched from this long before the announcement: clocks differ.
const CLOCK_SLACK_MS: i64 = 10 * 60 * 1000;
const CODE: &str = "SUBMIT_UNCERTAIN";
const MESSAGE: &str = "It is not known whether the model provider accepted the request";

impl Attempt<'_> {
    /// Looks for the request that was given this image.
    pub(super) async fn reconcile(&mut self, image_url: &str) -> Result<String, End> {
        let message = "Checking whether the model provider has the request";
        self.progress(FileStatus::Uploading, progress::SENT, message, None).await?;
        let (mut backoff, started, mut answered) = (self.backoff(), Instant::now(), false);
        loop {
            if let Some(request_id) = self.bound_meanwhile().await? {
                return Ok(request_id);
            }
            match self.held.interruptible(self.look_up(image_url)).await? {
                Ok(Some(request_id)) => return self.bind(request_id, image_url, true).await,
                Ok(None) => answered = true,
                Err(error) if error.class() == Class::Operator => return Err(self.end_of(&error)),
                Err(error) => tracing::warn!(%error, "FAL.AI's request history cannot be read"),
            }
            // A history that never answered has not said no: it is given until the deadline.
            let waited = started.elapsed() >= self.held.config.reconcile_for;
            if waited && (answered || self.time_left() == Duration::ZERO) {
                return Err(self.undecided());
            }
            self.held.rest(backoff.next_delay(None)).await?;
        }
    }

    /// The worker that sent the submit may have been slow rather than dead, and have recorded the answer by now.
    async fn bound_meanwhile(&mut self) -> Result<Option<String>, End> {
        let job = self.held.ask(&ReadJob(&self.held.holding.job)).await?.ok_or(End::Dropped)?;
        let file = job.file(&self.held.holding.file).ok_or(End::Dropped)?;
        self.request_id.clone_from(&file.fal_request_id);
        Ok(self.request_id.clone())
    }

    /// One look into the history.
    pub(super) async fn look_up(&self, image_url: &str) -> Result<Option<String>, FalError> {
        let since = self.intended_at.saturating_sub(CLOCK_SLACK_MS);
        self.shared.fal.find_request(&self.endpoint, image_url, since).await
    }

    /// What the policy says.
    fn undecided(&self) -> End {
        let again = self.held.config.uncertain_submits == UncertainSubmits::ResubmitOnce && !self.file.resubmitted;
        let holding = &self.held.holding;
        tracing::error!(job_id = %holding.job, file_id = %holding.file, again, "a submit's fate is unknown: it may be billed without a result");
        End::Failed(Failure {
            code: CODE.to_owned(),
            message: MESSAGE.to_owned(),
            retryable: true,
            retry_in: again.then_some(Duration::ZERO),
            resolved: false,
            resubmit: again,
        })
    }
}
