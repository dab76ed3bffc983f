//! Images and models: how much there is, which jobs they belong to, and clearing them away.

pub(crate) mod cleanup;
pub(crate) mod delete;
pub(crate) mod files;
pub(crate) mod usage;

/// As the original counted.
pub(crate) fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1_048_576.0
}
