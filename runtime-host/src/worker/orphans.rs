//! Requests at FAL that no file has a use for: a cancelled file's whose submit was not answered in time, one that came to
//! light after its file had another. They are remembered in Redis, looked up where their id is not known, cancelled, and
//! followed to their end: one that runs may go on in spite of it, and is billed.

use std::time::Duration;

use image2model_domain::commands::{AddOrphan, Holding, Orphan, OrphanNext, SettleOrphan, TakeOrphans};
use image2model_domain::time::millis;

use super::cost;
use super::provider::Price;
use super::run::Shared;
use crate::fal::{CancelAnswer, Class, EndpointId, FalError};
use crate::redis::RedisError;

/// How long one is this worker's.
const LEASE: Duration = Duration::from_secs(60);
/// How many are taken at once.
const AT_ONCE: u32 = 8;
/// The next try is later each time, up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);

/// That FAL does not know a request is believed when it has said so that often in a row.
const LEAST_DENIALS: u32 = 3;

/// What came of one try.
enum Tried {
    /// It is over; what it cost, millionths of a dollar.
    Over(u64),
    /// FAL has been told to stop it, and may or may not.
    Told,
    /// FAL says that it does not know it, or its result: those are kept for a while only.
    Denied,
    /// Not even that.
    InVain,
}

/// What is known of a request that is left behind.
pub(super) struct LeftBehind<'a> {
    pub holding: &'a Holding,
    pub endpoint: &'a EndpointId,
    pub request_id: Option<&'a str>,
    pub image_url: Option<&'a str>,
    pub intended_at: i64,
    /// FAL has been told to stop it.
    pub told: bool,
}

impl Shared {
    /// Remembers a request that is to be cancelled; answers whether it is.
    pub async fn leave_orphan(&self, left: LeftBehind<'_>) -> bool {
        let add = AddOrphan {
            endpoint: left.endpoint.as_str(),
            request_id: left.request_id,
            image_url: left.image_url,
            job: left.holding.job.as_str(),
            file: left.holding.file.as_str(),
            intended_at: left.intended_at,
            delay_ms: millis(self.config.orphan_pause),
            told: left.told,
        };
        let added = self.store.run(&add).await;
        if let Err(error) = &added {
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
        added.is_ok()
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
        let tried = match (EndpointId::parse(&orphan.endpoint), &orphan.request_id) {
            (Ok(endpoint), Some(request_id)) => self.put_down(&endpoint, request_id, orphan).await,
            (Ok(endpoint), None) => self.find(&endpoint, orphan).await?,
            (Err(_), _) => Tried::Over(0),
        };
        let pause = self.config.orphan_pause.saturating_mul(1 << orphan.tries.min(16)).min(LONGEST_PAUSE);
        let again = |told, denied| OrphanNext::Again { in_ms: millis(pause), told, denied };
        let next = match tried {
            Tried::Over(cost_micro_usd) => OrphanNext::Done { cost_micro_usd },
            Tried::Denied if orphan.denials.saturating_add(1) >= LEAST_DENIALS => {
                OrphanNext::Done { cost_micro_usd: 0 }
            }
            Tried::Denied => again(false, true),
            Tried::Told => again(true, false),
            Tried::InVain => again(false, false),
        };
        self.store.run(&SettleOrphan { id: &orphan.id, next }).await
    }

    /// Looks for the request by its image. From then on it is known by its id, as whoever else hears of it knows it: so it
    /// counts once.
    async fn find(&self, endpoint: &EndpointId, orphan: &Orphan) -> Result<Tried, RedisError> {
        let Some(image_url) = &orphan.image_url else { return Ok(Tried::Over(0)) };
        let asked_at = self.clock.now();
        let found = match self.look_up(endpoint, image_url, orphan.intended_at).await {
            Ok(Some(found)) => found,
            Ok(None) if self.is_sure(orphan.intended_at, asked_at) => return Ok(Tried::Over(0)),
            Ok(None) | Err(_) => return Ok(Tried::InVain),
        };
        let by_id = AddOrphan {
            endpoint: &orphan.endpoint,
            request_id: Some(&found.request_id),
            image_url: None,
            job: &orphan.job,
            file: &orphan.file,
            intended_at: orphan.intended_at,
            delay_ms: 0,
            told: false,
        };
        self.store.run(&by_id).await?;
        Ok(Tried::Over(0))
    }

    /// Cancels the request, or finds out how it has ended.
    async fn put_down(&self, endpoint: &EndpointId, request_id: &str, orphan: &Orphan) -> Tried {
        let (job_id, file_id) = (&orphan.job, &orphan.file);
        match self.fal.cancel(endpoint, request_id).await {
            Ok(CancelAnswer::AlreadyCompleted) => {
                let cost = self.cost_of(endpoint, request_id).await;
                if let Tried::Over(1..) = cost {
                    tracing::error!(
                        job_id,
                        file_id,
                        fal_request_id = request_id,
                        "a request that nobody needs was billed"
                    );
                }
                cost
            }
            Ok(CancelAnswer::Requested) => {
                tracing::info!(job_id, file_id, fal_request_id = request_id, "a request that nobody needs is to stop");
                Tried::Told
            }
            Ok(CancelAnswer::Unknown) => Tried::Denied,
            Err(error) => {
                tracing::warn!(job_id, file_id, fal_request_id = request_id, %error, "cannot cancel at FAL.AI");
                Tried::InVain
            }
        }
    }

    /// What a request that has ended was billed.
    async fn cost_of(&self, endpoint: &EndpointId, request_id: &str) -> Tried {
        let prices = self.prices_of(endpoint).await;
        match self.fal.result(endpoint, request_id).await {
            Ok(outcome) => Tried::Over(cost::micro_usd(outcome.billable_units.as_deref(), &prices)),
            Err(error) if error.is_outcome() => Tried::Over(billed(&error, &prices)),
            Err(error) if error.class() == Class::Unknown => Tried::Denied,
            Err(_) => Tried::Told,
        }
    }

    async fn prices_of(&self, endpoint: &EndpointId) -> Vec<Price> {
        for (_, provider) in self.providers.iter() {
            if let Ok(about) = provider.describe().await
                && about.endpoint == endpoint.as_str()
            {
                return about.prices;
            }
        }
        Vec::new()
    }
}

/// What a request that gave no model was billed all the same, when FAL says so.
fn billed(error: &FalError, prices: &[Price]) -> u64 {
    let units = error.refusal().and_then(|refusal| refusal.billable_units.as_deref());
    units.map_or(0, |units| cost::micro_usd(Some(units), prices))
}
