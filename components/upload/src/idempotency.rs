//! `Idempotency-Key`: the same upload sent twice under one key makes one job. A key belongs to its caller, is remembered
//! from the moment its job is made (an upload that was refused or broke off leaves it free) and is free again when its job
//! is deleted, or after the time that jobs are kept. Models are generated under the same keys (`endpoint/generate.rs`): one that
//! was used for either is not good for the other.

use http::HeaderMap;
use image2model_domain::queue::Priority;
use image2model_domain::{Problem, digest};

use crate::intake::Received;

/// The longest key kept.
const MAX_KEY: usize = 128;

/// The key that the client sent, when it is 1..128 visible ASCII characters.
///
/// # Errors
/// 400 when it is something else.
pub fn key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut sent = headers.get_all("idempotency-key").iter();
    let (key, more) = match (sent.next(), sent.next()) {
        (None, _) => return Ok(None),
        (Some(key), more) => (key.to_str().unwrap_or_default(), more.is_some()),
    };
    if !more && (1..=MAX_KEY).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(Some(key));
    }
    let detail = format!("Idempotency-Key must be sent once, as 1 to {MAX_KEY} visible ASCII characters.");
    let problem = Problem::new(400, "VALIDATION_ERROR", detail);
    Err(problem.with_details(serde_json::json!({ "header": "Idempotency-Key" })))
}

/// A digest of everything that makes one upload differ from another: options and the files' names and contents in order.
#[must_use]
pub fn body_digest(received: &Received, model: &str) -> String {
    let fields = &received.fields;
    let webhook = fields.webhook_url.as_deref().unwrap_or_default();
    let mut text = format!("{model}\n{}\n{}\n{webhook}\n", fields.process, fields.options.to_json());
    if fields.priority != Priority::default() {
        text += fields.priority.as_str();
    }
    for image in &received.images {
        text.push_str(&image.filename);
        text.push('\n');
        text.push_str(image.digest.as_deref().unwrap_or_default());
        text.push('\n');
    }
    digest::sha256_hex(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_short_visible_text() {
        let sent = |keys: &[&str]| -> HeaderMap {
            let value = |key: &&str| http::HeaderValue::from_bytes(key.as_bytes()).unwrap();
            keys.iter().map(|key| (http::HeaderName::from_static("idempotency-key"), value(key))).collect()
        };
        assert_eq!(key(&sent(&[])), Ok(None));
        assert_eq!(key(&sent(&["0f8b-4"])), Ok(Some("0f8b-4")));
        assert!(key(&sent(&[&"k".repeat(128)])).is_ok());
        for bad in [&[""][..], &["a b"], &["é"], &[&"k".repeat(129)], &["a", "a"]] {
            assert_eq!(key(&sent(bad)).unwrap_err().status(), 400, "{bad:?}");
        }
    }
}
