//! The FAL.AI client: storage upload, queue (submit, status, result, cancel), request history, result files, and the
//! signatures of its webhooks.
//!
//! It does one call at a time and says exactly what its outcome means ([`FalError::class`]); when to call again, and
//! whether a submit may be repeated at all, is the worker's to decide. The key goes to the configured bases only. FAL
//! describes its side at docs.fal.ai: the queue, uploads, errors, webhooks.

mod class;
mod client;
mod config;
mod download;
mod endpoint;
mod error;
mod gate;
mod history;
mod hosts;
mod queue;
mod reach;
mod refusal;
mod relay;
mod resume;
mod retry;
mod upload;
mod webhook;
mod words;

pub use class::{Class, Stage};
pub use client::FalClient;
pub use config::{API_URL, BACKUP_QUEUE_URL, FILE_HOSTS, FalConfig, QUEUE_URL, REST_URL};
pub use download::Fetched;
pub use endpoint::{EndpointId, InvalidEndpoint};
pub use error::FalError;
pub use history::{Known, Recorded, Sought};
pub use queue::{CancelAnswer, LogLine, Outcome, RequestStatus, Submission, Submitted};
pub use refusal::{Detail, ModelError, Refusal};
pub use relay::{Relay, Relayed};
pub use retry::{Backoff, jittered};
pub use upload::{Source, UploadedImage};
pub use webhook::{Claim, WebhookError, WebhookKeys};
