//! Whether FAL has a request of this file is in doubt: a submit was announced and its answer is not known (lost on the way,
//! or its worker died), or Redis failed over and may have forgotten one. FAL's history is asked before anything is sent. A
//! history that lists every request and steadily has none says that there is none. Where it stays blind the policy decides;
//! a file that was never announced waits instead where it only takes time until the history can tell.

use std::time::Duration;

use image2model_domain::FileStatus;
use image2model_domain::commands::ReadJob;
use tokio::time::Instant;

use super::Attempt;
use crate::fal::{Class, FalError};
use crate::worker::config::UncertainSubmits;
use crate::worker::end::{End, Failure, Parked, Why};
use crate::worker::progress;

const CODE: &str = "SUBMIT_UNCERTAIN";
const MESSAGE: &str = "It is not known whether the model provider accepted the request";
const CHECKING: &str = "Checking whether the model provider has the request";

/// What a look for a request that Redis may have forgotten came to.
pub(super) enum Doubt {
    /// There is one, and it is recorded.
    Found(String),
    /// One may be sent.
    None {
        /// There is none. Else there may be, and that is risked.
        sure: bool,
    },
}

impl Attempt<'_> {
    /// Looks for the request that was given this image. `None`: there surely is none, and the announcement is withdrawn.
    pub(super) async fn reconcile(&mut self, image_url: &str) -> Result<Option<String>, End> {
        self.progress(FileStatus::Uploading, progress::SENT, CHECKING, None).await?;
        let (mut backoff, started, mut answered) = (self.backoff(), Instant::now(), false);
        loop {
            if let Some(request_id) = self.bound_meanwhile().await? {
                return Ok(Some(request_id));
            }
            self.shared.hear_of_history().await;
            let asked_at = self.now();
            let mut retry_after = None;
            match self.held.interruptible(self.look_up(image_url)).await? {
                Ok(Some(found)) => return self.bind(found.request_id, image_url, true).await.map(Some),
                Ok(None) if self.surely_sent_none(self.intended_at, asked_at) => {
                    tracing::info!(file_id = %self.held.holding.file, "a submit was surely not accepted; sending it again");
                    self.withdraw_intent(image_url).await?;
                    // Of what an earlier hold announced nothing has begun that a deadline could run for.
                    if self.file.intent.as_deref() == Some(image_url) {
                        self.deadline_from = self.now();
                    }
                    return Ok(None);
                }
                Ok(None) => answered = true,
                Err(error) => {
                    // A key that may not read the history has no more to say tomorrow.
                    answered |= error.class() == Class::Blind;
                    retry_after = error.retry_after();
                    tracing::warn!(%error, "FAL.AI's request history cannot be read");
                }
            }
            // A history that never answered has not said no: it is given until the deadline.
            let waited = started.elapsed() >= self.held.config.reconcile_for;
            let settled = answered && !self.shared.may_become_sure();
            if waited && (settled || self.time_left() == Duration::ZERO) {
                return Err(self.undecided());
            }
            let delay = self.until_next_look(backoff.next_delay(None), self.intended_at);
            self.held.rest(delay.max(retry_after.unwrap_or_default())).await?;
        }
    }

    /// Looks for a request of this file that Redis may have forgotten at `since`.
    pub(super) async fn look_into_doubt(&mut self, since: i64) -> Result<Doubt, End> {
        tracing::warn!(file_id = %self.held.holding.file, "another Redis took over: looking whether the file has a request");
        self.progress(FileStatus::Uploading, progress::SENT, CHECKING, None).await?;
        let mut backoff = self.backoff();
        loop {
            self.shared.hear_of_history().await;
            let asked_at = self.now();
            let retry_after = match self.held.interruptible(self.look_up_forgotten(since)).await? {
                Ok(Some(found)) => {
                    let image_url = found.text_with(self.file.id.as_str()).unwrap_or_default().to_owned();
                    return self.bind(found.request_id, &image_url, true).await.map(Doubt::Found);
                }
                // Most files never had one.
                Ok(None) if self.surely_forgot_none(since, asked_at) => return Ok(Doubt::None { sure: true }),
                Ok(None) if self.shared.may_become_sure() => None,
                Ok(None) => return self.without_a_sure_no(since, asked_at),
                // Of all that waits, most has none: it waits until one would have ended, rather than fail at once.
                Err(error) if matches!(*error, FalError::Hidden) && !self.must_have_ended(since, asked_at) => {
                    return self.without_a_sure_no(since, asked_at);
                }
                Err(error) if error.class() == Class::Blind => return self.without_a_word(since),
                Err(error) => {
                    tracing::warn!(%error, "FAL.AI's request history cannot be read");
                    if self.time_left() == Duration::ZERO {
                        return Err(self.undecided());
                    }
                    error.retry_after()
                }
            };
            let delay = self.until_next_look(backoff.next_delay(None), since);
            self.held.rest(delay.max(retry_after.unwrap_or_default())).await?;
        }
    }

    /// Whether a "no" to a look at `asked_at` says that no request of the file was sent by `sent_by`. Where running requests
    /// are not listed, it does once such a request has ended: it was to begin within a deadline, and takes no longer than one.
    fn surely_sent_none(&self, sent_by: i64, asked_at: i64) -> bool {
        self.must_have_ended(sent_by, asked_at) || self.shared.is_sure(sent_by, asked_at)
    }

    fn must_have_ended(&self, sent_by: i64, asked_at: i64) -> bool {
        super::since(asked_at, sent_by) >= self.held.config.deadline.saturating_mul(2)
    }

    /// The same of a request that Redis may have forgotten at `since`.
    fn surely_forgot_none(&self, since: i64, asked_at: i64) -> bool {
        // The private Redis forgets nothing by itself, and who wrote to it before it was restored is gone.
        !self.held.config.redis_forgets || self.surely_sent_none(since, asked_at)
    }

    /// The history has none, but may not list what runs. The file waits elsewhere, as long again as it has been in doubt,
    /// unless it may be sent before that is over.
    fn without_a_sure_no(&self, since: i64, asked_at: i64) -> Result<Doubt, End> {
        let waited = super::since(asked_at, since);
        if waited >= self.held.config.reconcile_for && self.may_risk(since) {
            return Ok(Doubt::None { sure: false });
        }
        let why = Why::InDoubt(waited.max(self.held.config.reconcile_for));
        Err(End::Parked(Parked { why, failure: Failure::new(CODE, MESSAGE, true) }))
    }

    /// The history may not be read, or does not show what requests were given. What the private Redis says is believed then; else the policy decides, and the owner.
    fn without_a_word(&self, since: i64) -> Result<Doubt, End> {
        match (self.held.config.redis_forgets, self.may_risk(since)) {
            (false, _) => Ok(Doubt::None { sure: true }),
            (true, true) => Ok(Doubt::None { sure: false }),
            (true, false) => Err(self.undecided()),
        }
    }

    /// Whether a request may be sent in this doubt: once where the policy says so, and where the owner does who was told.
    fn may_risk(&self, since: i64) -> bool {
        self.may_resubmit() || self.file.doubt_accepted == Some(since)
    }

    fn may_resubmit(&self) -> bool {
        self.held.config.uncertain_submits == UncertainSubmits::ResubmitOnce && !self.file.resubmitted
    }

    /// Looks grow rare with time, but one is made as soon as a "no" can be believed.
    fn until_next_look(&self, delay: Duration, intended_at: i64) -> Duration {
        match self.shared.sure_from(intended_at) {
            Some(sure_from) if sure_from >= self.now() => delay.min(super::since(sure_from, self.now())),
            _ => delay,
        }
    }

    /// The worker that sent the submit may have been slow rather than dead, and have recorded the answer by now; or FAL's
    /// webhook has.
    pub(super) async fn bound_meanwhile(&mut self) -> Result<Option<String>, End> {
        let job = self.held.ask(&ReadJob(&self.held.holding.job)).await?.ok_or(End::Gone)?;
        let file = job.file(&self.held.holding.file).ok_or(End::Gone)?;
        self.request_id.clone_from(&file.fal_request_id);
        Ok(self.request_id.clone())
    }

    /// What the policy says.
    fn undecided(&self) -> End {
        let again = self.may_resubmit();
        let holding = &self.held.holding;
        tracing::error!(job_id = %holding.job, file_id = %holding.file, again, "a submit's fate is unknown: it may be billed without a result");
        End::Failed(Failure {
            retry_in: again.then_some(Duration::ZERO),
            resubmit: again,
            ..Failure::new(CODE, MESSAGE, true)
        })
    }
}
