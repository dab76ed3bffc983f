//! What the store holds, for operators: `GET /usage` in all, `GET /jobs/{area}?after=&limit=` by job, and
//! `GET /jobs/{area}/{job}` of one job.

use axum::Json;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::State;
use crate::blobs::{Area, BlobError, BlobPrefix};

/// Jobs on a page at most.
const LARGEST_PAGE: usize = 1000;

/// What each area holds, and the space that is left.
pub(super) async fn usage(state: &State) -> Result<Response, BlobError> {
    let (uploads, results) = tokio::try_join!(state.blobs.usage(Area::Uploads), state.blobs.usage(Area::Results))?;
    Ok(Json(json!({ "uploads": uploads, "results": results, "disk": state.blobs.disk()? })).into_response())
}

/// What one job has in an area.
pub(super) async fn job(state: &State, prefix: &str) -> Result<Response, BlobError> {
    Ok(Json(state.blobs.held(&BlobPrefix::parse(prefix)?).await?).into_response())
}

/// Some jobs of an area.
pub(super) async fn jobs(state: &State, area: &str, query: &str) -> Result<Response, BlobError> {
    let area = Area::parse(area).ok_or(BlobError::Key)?;
    let value =
        |name: &str| query.split('&').filter_map(|pair| pair.split_once('=')).find(|(n, _)| *n == name).map(|(_, v)| v);
    let limit = value("limit").and_then(|n| n.parse().ok()).unwrap_or(LARGEST_PAGE).min(LARGEST_PAGE);
    let page = state.blobs.jobs(area, value("after").unwrap_or_default(), limit).await?;
    let jobs: Vec<Value> = page
        .jobs
        .iter()
        .map(|(job, held)| json!({ "job": job, "files": held.files, "bytes": held.bytes, "modified_ms": held.modified_ms }))
        .collect();
    Ok(Json(json!({ "jobs": jobs, "more": page.more, "complete": page.complete })).into_response())
}
