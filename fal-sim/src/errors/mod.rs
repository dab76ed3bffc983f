//! FAL's three kinds of error, each with the wire form the real platform gives it.
//! `model`: what a model says about its input (`detail` is a list). `request`: what the platform says about one request
//! (`detail` is a string, `error_type` beside it). `api`: what an HTTP call is answered at once.

mod api;
mod model;
mod request;

pub use api::ApiError;
pub use model::{Detail, ModelError};
pub use request::RequestError;

use crate::config::InvalidKey;
use serde_json::Value;

/// What a request ended with; the result call replays it for as long as it is kept.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// HTTP status of the result.
    pub status: u16,
    /// Headers of the result, beyond the content type.
    pub headers: Vec<(&'static str, String)>,
    /// JSON body of the result.
    pub body: Value,
    /// `error` in the status object; absent when the request succeeded.
    pub error: Option<String>,
    /// `error_type` in the status object; only request errors have one.
    pub error_type: Option<&'static str>,
    /// Credits charged (one is a US cent).
    pub billable_units: u32,
}

impl Outcome {
    /// A model's output.
    pub fn success(body: Value, billable_units: u32) -> Self {
        Self { status: 200, headers: Vec::new(), body, error: None, error_type: None, billable_units }
    }

    /// Whether the request produced its output.
    pub fn is_success(&self) -> bool {
        self.status == 200
    }
}

/// Why the simulator could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// No key was configured, so every call would be refused.
    #[error("no API key configured: give at least one as KEY_ID:SECRET")]
    NoKey,
    /// A key is not of the form `id:secret`.
    #[error(transparent)]
    Key(#[from] InvalidKey),
    /// A setting is out of its range.
    #[error("{name} must be {must}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// What it must be.
        must: &'static str,
    },
    /// The listening address could not be bound.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address asked for.
        address: std::net::SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The folder for stored files could not be prepared.
    #[error("cannot prepare the folder for stored files: {0}")]
    Storage(#[source] std::io::Error),
    /// The client that fetches images and delivers webhooks could not be made.
    #[error("cannot set up the HTTP client: {0}")]
    Client(#[source] reqwest::Error),
}

impl StartError {
    /// Stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoKey => "no_key",
            Self::Key(_) => "invalid_key",
            Self::Setting { .. } => "invalid_setting",
            Self::Listen { .. } => "listen_failed",
            Self::Storage(_) => "storage_unavailable",
            Self::Client(_) => "client_unavailable",
        }
    }
}
