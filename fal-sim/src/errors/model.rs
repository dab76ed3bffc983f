//! Errors a model gives: `{"detail": [{loc, msg, type, url?, ctx?, input?}]}` with `x-fal-billable-units: 0`.
//! Names and messages are FAL's documented ones (docs.fal.ai/errors) or pydantic's, which pass through unchanged.

use super::Outcome;
use crate::json::set;
use fal_sim_relief::{FORMATS, MAX_SIDE, ReliefError};
use serde_json::{Value, json};

/// One entry of `detail`.
#[derive(Clone, Debug)]
pub struct Detail {
    /// Where in the input: `["body", field]`.
    pub loc: Vec<String>,
    /// For people.
    pub msg: String,
    /// For programs; FAL's own type or pydantic's.
    pub kind: &'static str,
    /// Facts that belong to the type.
    pub ctx: Option<Value>,
    /// What was given.
    pub input: Option<Value>,
}

impl Detail {
    /// An entry about one field of the input.
    pub fn field(name: &str, kind: &'static str, msg: impl Into<String>) -> Self {
        Self { loc: vec!["body".into(), name.into()], msg: msg.into(), kind, ctx: None, input: None }
    }

    fn image(kind: &'static str, msg: impl Into<String>) -> Self {
        Self::field("image_url", kind, msg)
    }

    /// Adds the facts of the type.
    pub fn ctx(mut self, ctx: Value) -> Self {
        self.ctx = Some(ctx);
        self
    }

    /// Adds what was given.
    pub fn input(mut self, input: Value) -> Self {
        self.input = Some(input);
        self
    }

    fn json(&self) -> Value {
        let mut entry = json!({
            "loc": self.loc, "msg": self.msg, "type": self.kind,
            "url": format!("https://docs.fal.ai/errors/#{}", self.kind),
        });
        if let Some(ctx) = &self.ctx {
            set(&mut entry, "ctx", ctx.clone());
        }
        if let Some(input) = &self.input {
            set(&mut entry, "input", input.clone());
        }
        entry
    }
}

/// A model's refusal or failure.
#[derive(Clone, Debug, thiserror::Error)]
#[error("model error {status}: {}", .details.first().map_or("", |detail| detail.kind))]
pub struct ModelError {
    status: u16,
    retryable: bool,
    billable_units: u32,
    details: Vec<Detail>,
}

impl ModelError {
    fn one(status: u16, detail: Detail) -> Self {
        Self { status, retryable: status >= 500, billable_units: 0, details: vec![detail] }
    }

    /// The input does not fit the schema; all its faults at once.
    pub fn invalid(details: Vec<Detail>) -> Self {
        Self { status: 422, retryable: false, billable_units: 0, details }
    }

    /// The content checker refused the image; `billable_units` are charged all the same.
    pub fn content_policy(billable_units: u32) -> Self {
        let msg = "The content could not be processed because it contained material flagged by a content checker.";
        Self { billable_units, ..Self::one(422, Detail::image("content_policy_violation", msg)) }
    }

    /// The image could not be fetched.
    pub fn file_download() -> Self {
        let msg = "Failed to download the file. Please check if the URL is accessible and try again.";
        Self::one(422, Detail::image("file_download_error", msg))
    }

    /// The image is larger than a model takes.
    pub fn file_too_large(max_bytes: u64) -> Self {
        let msg = format!("File size exceeds the maximum allowed size of {max_bytes} bytes.");
        Self::one(422, Detail::image("file_too_large", msg).ctx(json!({"max_size": max_bytes})))
    }

    /// The bytes are not a readable image.
    pub fn image_load() -> Self {
        let msg =
            "Failed to load the image. Please ensure the image file is not corrupted and is in a supported format.";
        Self::one(422, Detail::image("image_load_error", msg))
    }

    /// A known image format, but not one a model takes.
    pub fn unsupported_format(supported: &[&str]) -> Self {
        let msg = format!("Unsupported image format. Supported formats are {}.", supported.join(", "));
        Self::one(422, Detail::image("unsupported_image_format", msg).ctx(json!({"supported_formats": supported})))
    }

    /// Too many pixels.
    pub fn image_too_large(max_width: u32, max_height: u32) -> Self {
        let msg = format!("Image dimensions are too large. Maximum dimensions are {max_width}x{max_height} pixels.");
        let ctx = json!({"max_width": max_width, "max_height": max_height});
        Self::one(422, Detail::image("image_too_large", msg).ctx(ctx))
    }

    /// The model ran and made nothing.
    pub fn no_media() -> Self {
        Self::one(422, Detail::image("no_media_generated", "No media was generated."))
    }

    /// The partner's service did not answer.
    pub fn downstream_unavailable() -> Self {
        let detail = Detail { loc: vec!["body".into()], ..Detail::image("downstream_service_unavailable", "") };
        Self::one(500, Detail { msg: "Downstream service unavailable".into(), ..detail })
    }

    /// The partner's service refused.
    pub fn downstream_error() -> Self {
        let detail = Detail { loc: vec!["body".into()], ..Detail::image("downstream_service_error", "") };
        Self::one(400, Detail { msg: "Downstream service error".into(), ..detail })
    }

    /// The model took too long.
    pub fn generation_timeout() -> Self {
        let detail = Detail { loc: vec!["body".into()], ..Detail::image("generation_timeout", "Generation timeout") };
        Self::one(504, detail)
    }

    /// The model broke; `reason` goes to the log, not to the caller.
    pub fn internal(reason: &'static str) -> Self {
        tracing::error!(reason, "model failed");
        let detail = Detail { loc: vec!["body".into()], ..Detail::image("internal_server_error", "") };
        Self::one(500, Detail { msg: "Internal server error".into(), ..detail })
    }

    /// The type of the first entry.
    pub fn kind(&self) -> &'static str {
        self.details.first().map_or("", |detail| detail.kind)
    }

    /// What the result call will answer.
    pub fn outcome(&self) -> Outcome {
        let details: Vec<Value> = self.details.iter().map(Detail::json).collect();
        Outcome {
            status: self.status,
            headers: vec![("x-fal-retryable", self.retryable.to_string())],
            body: json!({"detail": details}),
            error: Some(format!("Invalid status code: {}", self.status)),
            error_type: None,
            billable_units: self.billable_units,
        }
    }
}

/// What the maker of models says, in FAL's words.
impl From<ReliefError> for ModelError {
    fn from(error: ReliefError) -> Self {
        match error {
            ReliefError::Unreadable => Self::image_load(),
            ReliefError::UnsupportedFormat => Self::unsupported_format(&FORMATS),
            ReliefError::TooLarge => Self::image_too_large(MAX_SIDE, MAX_SIDE),
            ReliefError::Writing(what) => Self::internal(what),
        }
    }
}
