//! FAL's refusals as sentences for the person who sent the image. Only the platform's and the model's own words are
//! passed on, shortened; addresses and internals are not.

use serde_json::Value;

use super::refusal::{Detail, ModelError, Refusal};

/// Longest sentence passed on, in characters.
const LONGEST: usize = 400;

/// What a refusal means.
pub fn of(refusal: &Refusal) -> String {
    match (&refusal.detail, refusal.status) {
        (_, 401 | 403) => "The service's account at the model provider needs attention".to_owned(),
        (_, 429) => "The model provider is busy".to_owned(),
        (Detail::Model(errors), _) if !errors.is_empty() => {
            shorten(&errors.iter().map(finding).collect::<Vec<_>>().join("; "))
        }
        (_, 499) => "The request was cancelled at the model provider".to_owned(),
        (_, 504) => "The model provider took too long".to_owned(),
        (_, 500..) => "The model provider had a problem".to_owned(),
        (Detail::Text(text), _) => shorten(&format!("The model provider refused the request: {text}")),
        _ => "The model provider refused the request".to_owned(),
    }
}

fn finding(error: &ModelError) -> String {
    let limit = |name: &str| error.context.get(name).and_then(Value::as_u64);
    match error.kind.as_str() {
        "content_policy_violation" => "The image was refused by the model provider's content policy".to_owned(),
        "no_media_generated" => "The model provider made no model from this image".to_owned(),
        "image_too_small" => sized("too small", "at least", limit("min_width"), limit("min_height")),
        "image_too_large" => sized("too large", "at most", limit("max_width"), limit("max_height")),
        "image_load_error" => "The model provider could not read the image".to_owned(),
        "file_download_error" => "The model provider could not fetch the image".to_owned(),
        "unsupported_image_format" => "The model provider does not take images of this format".to_owned(),
        "internal_server_error" | "downstream_service_error" | "downstream_service_unavailable" => {
            "The model provider had a problem".to_owned()
        }
        "generation_timeout" => "The model provider took too long".to_owned(),
        _ => located(error),
    }
}

fn sized(what: &str, bound: &str, width: Option<u64>, height: Option<u64>) -> String {
    match (width, height) {
        (Some(width), Some(height)) => {
            format!("The image is {what} for the model: it must have {bound} {width}\u{d7}{height} pixels")
        }
        _ => format!("The image is {what} for the model"),
    }
}

/// `face_limit: Input should be greater than 0`.
fn located(error: &ModelError) -> String {
    let field = error.location.iter().filter(|part| *part != "body").cloned().collect::<Vec<_>>().join(".");
    if field.is_empty() { error.message.clone() } else { format!("{field}: {}", error.message) }
}

fn shorten(text: &str) -> String {
    let clean: String = text.chars().filter(|c| !c.is_control()).collect();
    if clean.chars().count() <= LONGEST { clean } else { clean.chars().take(LONGEST - 1).chain(['\u{2026}']).collect() }
}
