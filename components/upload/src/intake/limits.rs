//! What a form may bring.

/// Pixels a side, at least.
pub const MIN_SIDE: u32 = 32;
/// Pixels a side, at most.
pub const MAX_SIDE: u32 = 8192;
/// Pixels in all.
pub const MAX_PIXELS: u64 = 40_000_000;

/// Parts beside as many files as are accepted.
pub(super) const MAX_OTHER_PARTS: usize = 32;
/// Characters of a boundary (RFC 2046, 5.1.1).
pub(super) const MAX_BOUNDARY: usize = 70;
/// Bytes of the headers of one part.
pub(super) const MAX_PART_HEAD: usize = 16 * 1024;
/// Bytes of one text field.
pub(super) const MAX_TEXT: usize = 4096;
/// Bytes between two parts: boundary and headers, or what precedes the first. Counted in whole chunks of the body, so
/// that it bounds memory; what a head may have is [`MAX_PART_HEAD`].
pub(super) const MAX_HEAD: u64 = 256 * 1024;
/// What text fields, headers and boundaries may add to the files, bytes.
const FORM_OVERHEAD: u64 = 1024 * 1024;
/// What is read of an upload after it was refused, at least, so that its client hears why.
pub(super) const READ_ON: u64 = 64 * 1024 * 1024;

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
