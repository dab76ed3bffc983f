//! What a test may know of every request: what came in, when, and how it ended.

use crate::{queue::Phase, sim::Sim};
use serde::Serialize;

/// One accepted request.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct RequestReport {
    /// Its id.
    pub request_id: String,
    /// The endpoint it was submitted to.
    pub endpoint_id: String,
    /// Id (not secret) of the key that submitted it.
    pub key_id: String,
    /// The image it names; a `data:` URI shortened.
    pub image_url: Option<String>,
    /// SHA-256 in hex of the image it was given, once that is known.
    pub image_sha256: Option<String>,
    /// Its input, long texts shortened.
    pub input: serde_json::Value,
    /// Whether it came by the sync route.
    pub sync: bool,
    /// RFC 3339.
    pub accepted_at: String,
    /// RFC 3339, once it started.
    pub started_at: Option<String>,
    /// RFC 3339, once it ended.
    pub ended_at: Option<String>,
    /// `IN_QUEUE`, `IN_PROGRESS` or `COMPLETED`.
    pub status: &'static str,
    /// HTTP status of the result, once it ended.
    pub outcome: Option<u16>,
    /// Whether its cancellation was asked for.
    pub cancel_requested: bool,
    /// Credits charged for it.
    pub billed_units: u32,
}

/// Every remembered request, oldest first.
pub(crate) fn requests(sim: &Sim) -> Vec<RequestReport> {
    let report = |request: std::sync::Arc<crate::queue::Request>| {
        let (started, ended) = request.times();
        let (status, outcome) = match request.phase() {
            Phase::Queued => ("IN_QUEUE", None),
            Phase::Running => ("IN_PROGRESS", None),
            Phase::Done(outcome) => ("COMPLETED", Some(outcome)),
        };
        RequestReport {
            request_id: request.id.clone(),
            endpoint_id: request.endpoint.id.to_owned(),
            key_id: request.owner.clone(),
            image_url: request.image_url.clone(),
            image_sha256: request.image_sha256().map(str::to_owned),
            input: request.input.clone(),
            sync: request.sync,
            accepted_at: request.accepted_at.to_rfc3339(),
            started_at: started.map(|at| at.to_rfc3339()),
            ended_at: ended.map(|at| at.to_rfc3339()),
            status,
            outcome: outcome.as_ref().map(|outcome| outcome.status),
            cancel_requested: request.is_cancelled(),
            billed_units: outcome.map_or(0, |outcome| outcome.billable_units),
        }
    };
    sim.queue.all().into_iter().map(report).collect()
}
