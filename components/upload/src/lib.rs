//! The upload endpoint: a form of images becomes a job, and a stored image a model.
//!
//! [`intake`] reads the form as it arrives and knows nothing of the host; `endpoint` joins it to HTTP, Redis, the media
//! inspector and the blob gateway. Memory is bounded by a few chunks of the stream, never by a file.

pub mod answer;
#[cfg(target_family = "wasm")]
mod endpoint;
pub mod generation;
pub mod idempotency;
pub mod intake;
