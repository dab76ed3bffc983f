//! The component's variables, read once a request.

use std::time::Duration;

use image2model_domain::access_token;
use image2model_kit::Failure;
use image2model_kit::config::{self, ConfigError};

use crate::intake::Limits;

/// What an upload is measured against.
pub(super) struct Settings {
    pub(super) limits: Limits,
    /// How long a client may keep its upload waiting.
    pub(super) patience: Duration,
    pub(super) max_queued_files: u64,
    pub(super) default_model: String,
    pub(super) job_ttl_seconds: u64,
    /// Signs access tokens; empty when none are given out, because every caller is let in.
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
            patience: Duration::from_secs(config::number("upload_timeout_seconds").await?),
            max_queued_files: config::number("max_queued_files").await?,
            default_model: config::text("default_model").await?.to_string(),
            job_ttl_seconds: config::number("job_ttl_seconds").await?,
            token_secret: token_secret().await?,
        })
    }
}

/// The same secret as the guard's.
pub(super) async fn token_secret() -> Result<String, ConfigError> {
    let secret = config::text("token_secret").await?;
    let (api_key, admin_api_key) = (config::text("api_key").await?, config::text("admin_api_key").await?);
    Ok(access_token::signing_secret(&secret, &api_key, &admin_api_key).unwrap_or_default())
}
