//! `Idempotency-Key`: the same upload sent twice under one key makes one job.

use image2model_domain::{Problem, digest};

use crate::intake::Received;

/// The longest key kept.
const MAX_KEY: usize = 128;

/// The key that the client sent, when it is 1..128 visible ASCII characters.
///
/// # Errors
/// 400 when it is something else.
pub fn key(header: Option<&str>) -> Result<Option<&str>, Problem> {
    let Some(key) = header else { return Ok(None) };
    if (1..=MAX_KEY).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(Some(key));
    }
    let detail = format!("Idempotency-Key must be 1 to {MAX_KEY} visible ASCII characters.");
    Err(Problem::new(400, "VALIDATION_ERROR", detail))
}

/// A digest of everything that makes one upload differ from another: options and the files' names and contents in order.
#[must_use]
pub fn body_digest(received: &Received, model: &str) -> String {
    let fields = &received.fields;
    let webhook = fields.webhook_url.as_deref().unwrap_or_default();
    let mut text = format!("{model}\n{}\n{}\n{webhook}\n", fields.process, fields.options.to_json());
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
        assert_eq!(key(None), Ok(None));
        assert_eq!(key(Some("0f8b-4")), Ok(Some("0f8b-4")));
        for bad in ["", "a b", "é", &"k".repeat(129)] {
            assert_eq!(key(Some(bad)).unwrap_err().status(), 400, "{bad}");
        }
    }
}
