//! The audit log: who did what with the admin key, in the log that the host collects.

use image2model_kit::{Context, log};
use serde_json::{Value, json};

/// Writes one call down. `what` is what it did, in the terms of its answer.
pub(crate) fn record(context: &Context, what: &Value) {
    let fields = json!({
        "request_id": context.request_id,
        "caller": context.caller,
        "method": context.method.as_str(),
        "route": context.route,
        "what": what,
    });
    log::info("admin call", &fields);
}
