//! The request's id: the client's own when it is fit for logs and headers, else a new one.

use http::HeaderMap;
use image2model_domain::JobId;
use image2model_domain::request_id::{HEADER, is_acceptable};

/// The id of a request.
pub(crate) fn of(headers: &HeaderMap) -> String {
    let sent = headers.get(HEADER).and_then(|id| id.to_str().ok()).filter(|id| is_acceptable(id));
    sent.map_or_else(|| JobId::from_random(crate::random_bits()).as_task_id(), str::to_owned)
}
