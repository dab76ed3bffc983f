//! The download endpoint: models, previews and originals, one by one, listed, or all in one ZIP.
//!
//! What has no I/O is here and tested natively: which results a job has and what they are called ([`results`]), where a
//! redirect may lead ([`hosts`]), and the ZIP format ([`archive`]). `endpoint` joins it to Redis and the blob gateway.
//! Bytes pass through as they come; memory is bounded by a few chunks.

pub mod archive;
#[cfg(target_family = "wasm")]
mod endpoint;
pub mod hosts;
pub mod results;
