//! The component's variables, read once a request.

use std::time::Duration;

use image2model_kit::{Failure, config};

use crate::intake::Limits;

/// What an upload is measured against.
pub(super) struct Settings {
    pub(super) limits: Limits,
    /// How long a client may keep its upload waiting.
    pub(super) patience: Duration,
    pub(super) max_queued_files: u64,
    pub(super) default_model: String,
    pub(super) job_ttl_seconds: u64,
    /// Signs access tokens; none are given out where every caller is let in.
    pub(super) token_secret: Option<String>,
}

/// What one upload may hold.
pub(super) async fn limits() -> Result<Limits, Failure> {
    let max_files = config::number("max_files_per_batch").await?;
    Ok(Limits {
        max_file_bytes: config::number("max_upload_size").await?,
        max_files: usize::try_from(max_files).unwrap_or(usize::MAX),
    })
}

impl Settings {
    pub(super) async fn read() -> Result<Self, Failure> {
        Ok(Self {
            limits: limits().await?,
            patience: Duration::from_secs(config::number("upload_timeout_seconds").await?),
            max_queued_files: config::number("max_queued_files").await?,
            default_model: config::text("default_model").await?.to_string(),
            job_ttl_seconds: config::number("job_ttl_seconds").await?,
            token_secret: config::signing_secret().await?,
        })
    }
}
