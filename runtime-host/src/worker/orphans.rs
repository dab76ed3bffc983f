//! Requests at FAL that no file has a use for: a cancelled file's whose submit was not answered in time, one that came to
//! light after its file had another. They are remembered in Redis, looked up where their id is not known, and cancelled.

use std::time::Duration;

use image2model_domain::commands::{AddOrphan, Holding, Orphan, SettleOrphan, TakeOrphans};
use image2model_domain::time::millis;

use super::run::Shared;
use crate::fal::{CancelAnswer, EndpointId};
use crate::redis::RedisError;

/// How long one is this worker's.
const LEASE: Duration = Duration::from_secs(60);
/// How many are taken at once.
const AT_ONCE: u32 = 8;
/// The next try is later each time, up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);

/// What is known of a request that is left behind.
pub(super) struct LeftBehind<'a> {
    pub holding: &'a Holding,
    pub endpoint: &'a EndpointId,
    pub request_id: Option<&'a str>,
    pub image_url: Option<&'a str>,
    pub intended_at: i64,
}

impl Shared {
    /// Remembers a request that is to be cancelled.
    pub async fn leave_orphan(&self, left: LeftBehind<'_>) {
        let add = AddOrphan {
            endpoint: left.endpoint.as_str(),
            request_id: left.request_id,
            image_url: left.image_url,
            job: left.holding.job.as_str(),
            file: left.holding.file.as_str(),
            intended_at: left.intended_at,
            delay_ms: millis(self.config.orphan_pause),
        };
        if let Err(error) = self.store.run(&add).await {
            let (job_id, file_id, fal_request_id) = (add.job, add.file, left.request_id);
            tracing::error!(
                job_id,
                file_id,
                fal_request_id,
                code = error.code(),
                kind = error.metric_label(),
                "a request that nobody needs could not be remembered: it may be billed"
            );
        }
    }

    /// Keeps cancelling orphans. Never returns.
    pub async fn tend_orphans(&self) {
        loop {
            match self.store.run(&TakeOrphans { lease_ms: millis(LEASE), most: AT_ONCE }).await {
                Ok(orphans) => {
                    for orphan in orphans {
                        if let Err(error) = self.tend(&orphan).await {
                            tracing::debug!(code = error.code(), "an orphan was not settled");
                        }
                    }
                }
                Err(error) => tracing::debug!(code = error.code(), "orphans cannot be taken"),
            }
            tokio::time::sleep(self.config.orphan_pause).await;
        }
    }

    async fn tend(&self, orphan: &Orphan) -> Result<(), RedisError> {
        let done = match EndpointId::parse(&orphan.endpoint) {
            Ok(endpoint) => self.put_down(&endpoint, orphan).await,
            Err(_) => true,
        };
        let pause = self.config.orphan_pause.saturating_mul(1 << orphan.tries.min(16)).min(LONGEST_PAUSE);
        let retry_in_ms = (!done).then(|| millis(pause));
        self.store.run(&SettleOrphan { id: &orphan.id, retry_in_ms }).await
    }

    /// Looks for the request and cancels it; answers whether nothing is left to do.
    async fn put_down(&self, endpoint: &EndpointId, orphan: &Orphan) -> bool {
        let request_id = match (&orphan.request_id, &orphan.image_url) {
            (Some(request_id), _) => request_id.clone(),
            (None, Some(image_url)) => {
                let asked_at = self.clock.now();
                match self.look_up(endpoint, image_url, orphan.intended_at).await {
                    Ok(Some(found)) => found.request_id,
                    Ok(None) => return self.is_sure(orphan.intended_at, asked_at),
                    Err(_) => return false,
                }
            }
            (None, None) => return true,
        };
        let (job_id, file_id) = (&orphan.job, &orphan.file);
        match self.fal.cancel(endpoint, &request_id).await {
            Ok(CancelAnswer::AlreadyCompleted) => {
                tracing::error!(
                    job_id,
                    file_id,
                    fal_request_id = request_id,
                    "a request that nobody needs has ended: it may be billed"
                );
                true
            }
            Ok(answer) => {
                tracing::warn!(
                    job_id,
                    file_id,
                    fal_request_id = request_id,
                    ?answer,
                    "a request that nobody needs was cancelled"
                );
                true
            }
            Err(error) => {
                tracing::warn!(job_id, file_id, fal_request_id = request_id, %error, "cannot cancel at FAL.AI");
                false
            }
        }
    }
}
