//! What a webhook says: the job's status, as its routes show it, with the event it is called for.

use serde_json::{Value, json};

use crate::commands::WebhookDelivery;
use crate::record::JobRecord;
use crate::time::rfc3339;
use crate::view;

/// The JSON body of a delivery. An event about one file has that file beside the job's.
#[must_use]
pub fn body(job: &JobRecord, delivery: &WebhookDelivery) -> Value {
    let mut body = view::status(job);
    let file = delivery.file.as_ref().and_then(|id| job.file(id));
    if let Value::Object(fields) = &mut body {
        // How this very call goes is not known yet.
        fields.remove("webhook");
        fields.insert("event".to_owned(), json!(delivery.event));
        fields.insert("delivery_id".to_owned(), json!(delivery.id));
        fields.insert("event_at".to_owned(), json!(rfc3339(delivery.created_at)));
        if let Some(file) = file {
            fields.insert("file_id".to_owned(), json!(file.id));
            fields.insert("file".to_owned(), view::file(job, file));
        }
    }
    body
}
