//! Single steps of a file, taken by hand.

use anyhow::{Result, ensure};
use image2model_domain::commands::{Bind, BindOutcome, Claim, Claimed, Fail, Holding, Intend, IntendAnswer};

use super::Parts;

/// A claim without limits worth mentioning.
pub fn claim_of(wanted: u32) -> Claim {
    Claim {
        worker: "test".to_owned(),
        lease_ms: 60_000,
        max_running: 100,
        max_running_per_tenant: 100,
        window_size: 100,
        window_ms: 60_000,
        wanted,
    }
}

/// Takes up to ten files.
pub async fn claim(parts: &Parts) -> Result<Claimed> {
    claim_some(parts, 10).await
}

/// Takes so many files.
pub async fn claim_some(parts: &Parts, wanted: u32) -> Result<Claimed> {
    Ok(parts.store.run(&claim_of(wanted)).await?)
}

/// An announcement of this image, in a window of 100.
pub fn intent<'a>(holding: &'a Holding, image_url: &'a str) -> Intend<'a> {
    Intend {
        holding,
        image_url,
        endpoint: "tripo3d/tripo",
        lease_ms: 60_000,
        window_size: 100,
        window_ms: 60_000,
        looked_up: None,
    }
}

/// Announces a submit.
pub async fn announce(parts: &Parts, holding: &Holding, image_url: &str) -> Result<IntendAnswer> {
    Ok(parts.store.run(&intent(holding, image_url)).await?.answer)
}

/// Records the answer to it: request `r-{url}`.
pub async fn answer(parts: &Parts, holding: &Holding, image_url: &str) -> Result<BindOutcome> {
    let request_id = format!("r-{image_url}");
    let bind = Bind { holding, request_id: &request_id, image_url, reconciled: false };
    Ok(parts.store.run(&bind).await?)
}

/// The same, where nothing else may come of it.
pub async fn bind(parts: &Parts, holding: &Holding, image_url: &str) -> Result<()> {
    let outcome = answer(parts, holding, image_url).await?;
    ensure!(outcome == BindOutcome::Done, "{outcome:?}");
    Ok(())
}

/// A failure for good, of a request that may still give a model.
pub fn failure(holding: &Holding) -> Fail<'_> {
    Fail {
        holding,
        code: "SUBMIT_UNCERTAIN",
        message: "It is not known",
        retryable: true,
        retry_in_ms: None,
        resolved: false,
        resubmit: false,
        cost_micro_usd: 0,
    }
}
