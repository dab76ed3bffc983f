//! What is fuzzed, one module each.

mod event_id;
mod keys;
mod manifest;
mod multipart;
mod picture;

use crate::Target;

/// Every target.
pub const TARGETS: &[Target] =
    &[multipart::TARGET, picture::JPEG, picture::PNG, keys::TARGET, event_id::TARGET, manifest::TARGET];
