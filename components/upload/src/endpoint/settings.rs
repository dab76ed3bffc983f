//! The component's variables, read once a request.

use image2model_kit::{Failure, config};

use crate::intake::Limits;

/// What an upload is measured against.
pub(super) struct Settings {
    pub(super) limits: Limits,
    pub(super) max_queued_files: u64,
    pub(super) default_model: String,
    pub(super) job_ttl_seconds: u64,
    /// Signs access tokens; empty when none are given out.
    pub(super) token_secret: String,
}

impl Settings {
    pub(super) async fn read() -> Result<Self, Failure> {
        let max_files = config::number("max_files_per_batch").await?;
        let limits = Limits {
            max_file_bytes: config::number("max_upload_size").await?,
            max_files: usize::try_from(max_files).unwrap_or(usize::MAX),
        };
        Ok(Self {
            limits,
            max_queued_files: config::number("max_queued_files").await?,
            default_model: config::text("default_model").await?.to_string(),
            job_ttl_seconds: config::number("job_ttl_seconds").await?,
            token_secret: config::text("token_secret").await?.to_string(),
        })
    }
}
