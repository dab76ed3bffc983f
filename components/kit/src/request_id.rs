//! What names a request: its id, the client's own when it is fit for logs and headers, and its place in its trace.

use http::HeaderMap;
use image2model_domain::JobId;
use image2model_domain::request_id::{HEADER, is_acceptable};
use image2model_domain::trace::{self, TraceContext};

/// The id of a request.
pub(crate) fn of(headers: &HeaderMap) -> String {
    let sent = headers.get(HEADER).and_then(|id| id.to_str().ok()).filter(|id| is_acceptable(id));
    sent.map_or_else(|| JobId::from_random(crate::random_bits()).as_task_id(), str::to_owned)
}

/// The place of a request in its trace, as whoever serves the component says. A header that is there twice names none.
pub(crate) fn trace(headers: &HeaderMap) -> TraceContext {
    let mut sent = headers.get_all(trace::HEADER).iter();
    let only = sent.next().filter(|_| sent.next().is_none()).and_then(|value| value.to_str().ok());
    let span = u128::from_le_bytes(crate::random_bits()) as u64;
    TraceContext::carried(only, crate::random_bits(), span.to_le_bytes())
}
