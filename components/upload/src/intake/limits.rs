//! What a form may bring.

/// Pixels a side, at least (CONTRACT: Upload).
pub const MIN_SIDE: u32 = 32;
/// Pixels a side, at most.
pub const MAX_SIDE: u32 = 8192;
/// Pixels in all.
pub const MAX_PIXELS: u64 = 40_000_000;

/// Parts that are no files.
pub(super) const MAX_OTHER_PARTS: usize = 32;
/// Bytes of one text field.
pub(super) const MAX_TEXT: usize = 4096;
/// Bytes between two parts: boundary and headers. Counted in whole chunks of the body.
pub(super) const MAX_HEAD: u64 = 128 * 1024;
/// What text fields, headers and boundaries may add to the files, bytes.
const FORM_OVERHEAD: u64 = 1024 * 1024;

/// What a form may bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one file.
    pub max_file_bytes: u64,
    /// Files of one form.
    pub max_files: usize,
}

impl Limits {
    /// Bytes of a whole form.
    #[must_use]
    pub fn max_total_bytes(&self) -> u64 {
        let files = u64::try_from(self.max_files).unwrap_or(u64::MAX);
        self.max_file_bytes.saturating_mul(files).saturating_add(FORM_OVERHEAD)
    }
}
