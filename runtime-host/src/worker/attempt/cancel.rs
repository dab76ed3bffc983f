//! Stops a file's request at FAL. Best effort: one that has begun may be finished, and billed, all the same. Nothing is sent
//! for a file that somebody else may hold, and what has not ended with that is left as an orphan (`worker/orphans.rs`).

use tokio::time::Instant;

use super::Attempt;
use crate::fal::CancelAnswer;
use crate::worker::orphans::LeftBehind;

/// How often a cancellation is sent to FAL at once. That it does not know a request whose id it gave us is believed when it
/// says so each time.
const TRIES: u32 = 3;

impl Attempt<'_> {
    /// Finds the request of a submit that was not answered, as long as that is worth waiting for.
    pub(super) async fn find_to_cancel(&mut self) {
        let Some(image_url) = self.intent.clone() else { return };
        let (mut backoff, started) = (self.backoff(), Instant::now());
        while !matches!(self.bound_meanwhile().await, Ok(Some(_))) {
            let asked_at = self.now();
            match self.look_up(&image_url).await {
                Ok(Some(found)) => return self.request_id = Some(found.request_id),
                Ok(None) if self.shared.is_sure(self.intended_at, asked_at) => return self.intent = None,
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "FAL.AI's request history cannot be read"),
            }
            let waited = started.elapsed() >= self.held.config.orphan_look_for;
            if waited || self.held.stopping.is_cancelled() {
                return;
            }
            tokio::time::sleep(backoff.next_delay(None)).await;
        }
    }

    /// Nobody needs the file's request, if it has one. Told to stop, it may be finished and billed all the same, so it is
    /// remembered until it has ended. Answers whether that has been seen to.
    pub(super) async fn abandon(&mut self) -> bool {
        let known = self.request_id.clone();
        if known.is_none() && self.intent.is_none() {
            return true;
        }
        let told = self.cancel_at_provider().await;
        if told == Some(CancelAnswer::Unknown) {
            return true;
        }
        let left = LeftBehind {
            holding: &self.held.holding,
            endpoint: &self.endpoint,
            request_id: known.as_deref(),
            image_url: self.intent.as_deref(),
            intended_at: self.intended_at,
            told: told.is_some(),
        };
        self.shared.leave_orphan(left).await
    }

    /// Tells FAL to stop the file's request; `None` when FAL did not answer, or said both that and that it does not know it.
    pub(super) async fn cancel_at_provider(&self) -> Option<CancelAnswer> {
        let request_id = self.request_id.as_deref()?;
        let (mut backoff, mut denials) = (self.backoff(), 0);
        for _ in 0..TRIES {
            let retry_after = match self.shared.fal.cancel(&self.endpoint, request_id).await {
                Ok(CancelAnswer::Unknown) => {
                    denials += 1;
                    None
                }
                Ok(answer) => {
                    tracing::info!(fal_request_id = request_id, ?answer, "cancelled at FAL.AI");
                    return Some(answer);
                }
                Err(error) => {
                    tracing::warn!(fal_request_id = request_id, %error, "cannot cancel at FAL.AI");
                    error.retry_after()
                }
            };
            tokio::time::sleep(backoff.next_delay(retry_after)).await;
        }
        (denials == TRIES).then_some(CancelAnswer::Unknown)
    }
}
