//! The audit log: who did what with the admin key, in the log that the host collects.

use image2model_kit::{Context, log};
use serde_json::{Value, json};

/// Writes down that a call was made and what it asks for, before it does anything: it may fail half-way.
pub(crate) fn asked(context: &Context, what: &Value) {
    record("admin call", context, what);
}

/// Writes down what a call did, in the terms of its answer.
pub(crate) fn done(context: &Context, what: &Value) {
    record("admin call done", context, what);
}

fn record(message: &'static str, context: &Context, what: &Value) {
    let fields = json!({
        "request_id": context.request_id,
        "caller": context.caller,
        "method": context.method.as_str(),
        "route": context.route,
        "what": what,
    });
    log::info(message, &fields);
}
