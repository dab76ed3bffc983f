//! The loop: takes deliveries that are due, calls them beside each other, and notes what came of it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use image2model_domain::commands::{
    KeepWebhookBody, ReadJob, SettleWebhook, TakeWebhooks, WebhookDelivery, WebhookNext,
};
use image2model_domain::time::millis;
use image2model_domain::webhook::body;
use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::call::{CallError, Caller};
use super::{Schedule, WebhookSettings};
use crate::redis::{RedisError, Store};

/// Calls at a time.
const AT_ONCE: usize = 32;
/// Calls at a time to one receiver: one that is slow holds up no more than its own.
const TO_ONE: u32 = 4;
/// Longer than any call takes, body included.
const LEASE_MS: u32 = 60_000;
/// Between two looks for deliveries that are due.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long a stop waits for calls under way; what is cut off is delivered again.
const GRACE: Duration = Duration::from_secs(5);

/// Delivers webhooks, beside any number of others that do.
pub struct Webhooks {
    store: Store,
    caller: Caller,
    schedule: Schedule,
    /// Calls under way, by receiver.
    under_way: Mutex<HashMap<String, u32>>,
}

impl Webhooks {
    /// Nothing happens before [`Webhooks::run`].
    ///
    /// # Errors
    /// [`CallError::Config`] when no HTTP client can be made.
    pub fn new(store: Store, settings: WebhookSettings) -> Result<Self, CallError> {
        let WebhookSettings { allowed_hosts, schedule } = settings;
        Ok(Self { store, caller: Caller::new(allowed_hosts)?, schedule, under_way: Mutex::default() })
    }

    /// Delivers until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let (shared, mut calls) = (Arc::new(self), JoinSet::new());
        while !stop.is_cancelled() {
            match shared.take(AT_ONCE.saturating_sub(calls.len())).await {
                Ok(due) => due.into_iter().for_each(|delivery| {
                    calls.spawn(shared.clone().deliver(delivery));
                }),
                Err(error) => tracing::debug!(code = error.code(), "webhooks cannot be looked for"),
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            while calls.try_join_next().is_some() {}
        }
        let rest = async { while calls.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(GRACE, rest).await;
    }

    async fn take(&self, room: usize) -> Result<Vec<WebhookDelivery>, RedisError> {
        let most = u32::try_from(room).unwrap_or(u32::MAX);
        if most == 0 {
            return Ok(Vec::new());
        }
        let under_way: Vec<_> =
            self.under_way.lock().iter().map(|(receiver, calls)| (receiver.clone(), *calls)).collect();
        let take = TakeWebhooks { lease_ms: LEASE_MS, most, most_to_one: TO_ONE, under_way: &under_way };
        let taken = self.store.run(&take).await?;
        let mut under_way = self.under_way.lock();
        for delivery in &taken {
            *under_way.entry(delivery.receiver.clone()).or_default() += 1;
        }
        Ok(taken)
    }

    async fn deliver(self: Arc<Self>, delivery: WebhookDelivery) {
        self.call(&delivery).await;
        let mut under_way = self.under_way.lock();
        if let Some(calls) = under_way.get_mut(&delivery.receiver) {
            *calls = calls.saturating_sub(1);
        }
        under_way.retain(|_, calls| *calls > 0);
    }

    async fn call(&self, delivery: &WebhookDelivery) {
        let outcome = match self.body(delivery).await {
            Ok(Some(body)) => self.caller.call(&delivery.url, &delivery.id, &delivery.secret, body).await.map(Some),
            Ok(None) => Ok(None),
            // The lease runs out, and it is due again.
            Err(error) => {
                return tracing::warn!(
                    delivery = delivery.id,
                    code = error.code(),
                    kind = error.metric_label(),
                    "a webhook has to wait"
                );
            }
        };
        let settled = self.settled(delivery, &outcome);
        if let Err(error) = self.store.run(&settled).await {
            tracing::warn!(
                delivery = delivery.id,
                code = error.code(),
                kind = error.metric_label(),
                "a webhook's outcome was not noted"
            );
        }
    }

    /// What is sent: the same in every attempt. `None` when the job, or the delivery itself, is gone before its first.
    async fn body(&self, delivery: &WebhookDelivery) -> Result<Option<String>, RedisError> {
        if let Some(body) = &delivery.body {
            return Ok(Some(body.clone()));
        }
        let Some(job) = self.store.run(&ReadJob(&delivery.job)).await? else { return Ok(None) };
        let text = body(&job, delivery).to_string();
        self.store.run(&KeepWebhookBody { id: &delivery.id, body: &text }).await
    }

    fn settled<'a>(
        &self,
        delivery: &'a WebhookDelivery,
        outcome: &Result<Option<u16>, CallError>,
    ) -> SettleWebhook<'a> {
        let WebhookDelivery { id, job, event, attempts, .. } = delivery;
        let (next, response_status, error) = match outcome {
            Ok(Some(status)) => (WebhookNext::Delivered, Some(*status), ""),
            Ok(None) => (WebhookNext::GivenUp, None, "JOB_GONE"),
            Err(error) => {
                let again = self.schedule.next(*attempts, error.retry_after()).filter(|_| error.is_retryable());
                let next = again.map_or(WebhookNext::GivenUp, |delay| WebhookNext::Again { in_ms: millis(delay) });
                tracing::warn!(job_id = %job, delivery = id, attempts, code = error.code(), kind = error.metric_label(), %error, "a webhook call failed");
                (next, error.response_status(), error.code())
            }
        };
        if next == WebhookNext::Delivered {
            tracing::info!(job_id = %job, delivery = id, event, attempts, "a webhook was delivered");
        }
        SettleWebhook { id, next, response_status, error }
    }
}
