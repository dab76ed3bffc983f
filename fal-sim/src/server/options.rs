//! Reads what a caller asks of the platform from the headers and query of a submit.

use super::context::Context;
use crate::{
    errors::ApiError,
    queue::{Priority, Settings},
};
use serde_json::Value;
use std::time::Duration;

/// The settings of a submit.
pub fn settings(context: &Context) -> Result<Settings, ApiError> {
    Ok(Settings {
        start_deadline: start_deadline(context)?,
        priority: match context.header("x-fal-queue-priority") {
            Some("low") => Priority::Low,
            _ => Priority::Normal,
        },
        store_io: context.header("x-fal-store-io") != Some("0"),
        webhook: webhook(context)?,
        output_lifetime: lifetime(context, &["x-fal-object-lifecycle-preference"]),
    })
}

/// `fal_max_queue_length`.
pub fn max_queue_length(context: &Context) -> Result<Option<usize>, ApiError> {
    let Some(text) = context.query_value("fal_max_queue_length") else { return Ok(None) };
    let wrong = |_| ApiError::BadRequest("fal_max_queue_length must be a whole number".into());
    text.parse().map(Some).map_err(wrong)
}

/// The newer header wins over the deprecated one.
fn start_deadline(context: &Context) -> Result<Option<Duration>, ApiError> {
    let headers = ["x-fal-request-start-timeout", "x-fal-request-timeout"];
    let Some(text) = headers.iter().find_map(|name| context.header(name)) else { return Ok(None) };
    let seconds = text.trim().parse::<f64>().ok().filter(|seconds| *seconds > 0.1);
    match seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
        Some(deadline) => Ok(Some(deadline)),
        None => Err(ApiError::BadRequest("The request timeout must be a number of seconds above 0.1".into())),
    }
}

fn webhook(context: &Context) -> Result<Option<url::Url>, ApiError> {
    let Some(text) = context.query_value("fal_webhook").filter(|text| !text.is_empty()) else { return Ok(None) };
    match url::Url::parse(&text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(Some(url)),
        _ => Err(ApiError::BadRequest("fal_webhook must be an http or https URL".into())),
    }
}

/// How long a file shall live, from the first of these headers that says so.
pub fn lifetime(context: &Context, headers: &[&str]) -> Option<Duration> {
    let seconds = headers.iter().find_map(|name| {
        let preference: Value = serde_json::from_str(context.header(name)?).ok()?;
        preference.get("expiration_duration_seconds")?.as_f64()
    })?;
    Duration::try_from_secs_f64(seconds).ok()
}
