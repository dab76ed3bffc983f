//! Tells Redis how a hold on a file has ended, and does what that asks for at FAL.

use std::time::Duration;

use image2model_domain::commands::{
    BreakerKind, Cancelled, Complete, Fail, Heartbeat, Park, ReadJob, Release, Withdraw,
};
use image2model_domain::time::millis;

use super::Attempt;
use crate::fal::jittered;
use crate::worker::cost;
use crate::worker::end::{End, Failure, Parked, Why};
use crate::worker::held::Held;
use crate::worker::run::Shared;

impl Attempt<'_> {
    pub(super) async fn settle(mut self, end: End) {
        match end {
            End::Completed(fields) => {
                let cost_micro_usd = self.cost_micro_usd;
                let done = self.held.step(&Complete { holding: &self.held.holding, fields, cost_micro_usd }).await;
                self.say("a model is done", done.is_ok());
            }
            End::Failed(failure) => self.fail(&failure).await,
            End::CancelWanted => self.cancel().await,
            End::Stopping => release(&self.held).await,
            End::Parked(parked) => {
                let left = self.time_left();
                if let Some(failure) = park(self.shared, &self.held, parked, left).await {
                    self.fail(&failure).await;
                }
            }
            End::Dropped => self.say("a file is held by somebody else now", false),
            End::Gone => self.leave_behind().await,
        }
    }

    async fn fail(&mut self, failure: &Failure) {
        let cost_micro_usd = match (&failure.billed, failure.resolved) {
            (Some(units), true) => cost::micro_usd(Some(units), &self.about.prices),
            (None, true) => self.cost_micro_usd,
            // Its model may still be had, and is counted then.
            (_, false) => 0,
        };
        if let Err(End::CancelWanted) = fail(&self.held, failure, cost_micro_usd).await {
            self.cancel().await;
        }
    }

    async fn cancel(&mut self) {
        if !self.held.is_held().await {
            return self.say("a cancelled file is held by somebody else now", false);
        }
        if self.request_id.is_none() {
            self.find_to_cancel().await;
        }
        let leave_request = !self.abandon().await;
        let done = self.held.step(&Cancelled { holding: &self.held.holding, leave_request }).await;
        self.say("a file was cancelled", done.is_ok());
    }

    /// The file is not to be found running any more. When its whole job is gone, so is everybody who would have wanted the
    /// model.
    async fn leave_behind(&mut self) {
        let deleted = matches!(self.held.ask(&ReadJob(&self.held.holding.job)).await, Ok(None));
        if deleted {
            self.abandon().await;
        }
        self.say("a file has ended by other means, or its job was deleted", deleted);
    }

    fn say(&self, what: &'static str, done: bool) {
        let holding = &self.held.holding;
        tracing::info!(job_id = %holding.job, file_id = %holding.file, fal_request_id = self.request_id, done, "{what}");
    }

    /// Announces no submit any more: the last one was surely not accepted.
    pub(super) async fn withdraw_intent(&mut self, image_url: &str) -> Result<(), End> {
        self.intent = None;
        self.held.step(&Withdraw { holding: &self.held.holding, image_url }).await
    }
}

/// Ends a hold on a file that could not be read, or whose provider does not answer. Whatever request it has is left for a
/// later hold.
pub(super) async fn without_provider(shared: &Shared, held: &Held, end: End, left: Duration) {
    match end {
        End::Failed(failure) => {
            let _ = fail(held, &failure, 0).await;
        }
        End::Stopping => release(held).await,
        End::Parked(parked) => {
            let heartbeat = Heartbeat { holding: &held.holding, lease_ms: held.config.lease_ms() };
            let wanted = !matches!(held.step(&heartbeat).await, Err(End::CancelWanted));
            if !wanted {
                // Nobody here can cancel its request.
                let _ = held.step(&Cancelled { holding: &held.holding, leave_request: true }).await;
            } else if let Some(failure) = park(shared, held, parked, left).await {
                let _ = fail(held, &failure, 0).await;
            }
        }
        // Nobody here can cancel its request; a file that has none ends with this.
        End::CancelWanted => release(held).await,
        End::Completed(_) | End::Dropped | End::Gone => {}
    }
}

async fn fail(held: &Held, failure: &Failure, cost_micro_usd: u64) -> Result<(), End> {
    let retry_in_ms = failure.retry_in.map(millis);
    let Failure { code, message, retryable, resolved, resubmit, .. } = failure;
    let (retryable, resolved, resubmit) = (*retryable, *resolved, *resubmit);
    let holding = &held.holding;
    let step = Fail { holding, code, message, retryable, retry_in_ms, resolved, resubmit, cost_micro_usd };
    let done = held.step(&step).await;
    tracing::warn!(job_id = %holding.job, file_id = %holding.file, code, retry_in_ms, done = done.is_ok(), "an attempt failed");
    done
}

async fn release(held: &Held) {
    let holding = &held.holding;
    let done = held.step(&Release { holding }).await.is_ok();
    tracing::info!(job_id = %holding.job, file_id = %holding.file, done, "a file was handed back");
}

/// Lets a file wait, no attempt counted; answers the failure that comes instead when its deadline is over.
async fn park(shared: &Shared, held: &Held, parked: Parked, left: Duration) -> Option<Failure> {
    let (config, store) = (&held.config, &shared.store);
    let pause = match parked.why {
        Why::Account { by_submit } => shared.breaker.refused(store, config, by_submit).await,
        Why::Outage { by_submit, .. } => shared.breaker.unanswered(store, config, by_submit).await,
        Why::Busy(retry_after) => retry_after.unwrap_or(config.retry_longest),
        Why::HeldBack(wait) | Why::InDoubt(wait) => wait,
        Why::NotReplicated => config.retry_longest,
        Why::UnknownModel => config.unknown_model_pause,
    };
    // An account that is refused and replicas that are away are the operator's to mend, and of another Redis no file knows:
    // however long it takes, none fails of it.
    let lasting = matches!(parked.why, Why::Account { .. } | Why::InDoubt(_) | Why::NotReplicated);
    let patient = lasting || shared.breaker.kind() == Some(BreakerKind::Account);
    if left == Duration::ZERO && !patient {
        return Some(parked.failure);
    }
    let asked = parked.why.asked_for();
    let (pause, asked) = if patient { (pause, asked) } else { (pause.min(left), asked.min(left)) };
    let (holding, message) = (&held.holding, parked.why.message());
    let delay = jittered(pause).max(asked);
    let step = Park { holding, delay_ms: millis(delay), message, deadline_anew: patient };
    let done = held.step(&step).await.is_ok();
    tracing::info!(job_id = %holding.job, file_id = %holding.file, why = ?parked.why, ?delay, done, "a file waits");
    None
}
