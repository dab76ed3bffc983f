//! Runs an inspection over given chunks.

use image2model_media_inspector::{Facts, Inspection, Limits, Refusal};

/// Wide enough for every sample, with the sides that the service asks for.
pub const LIMITS: Limits = Limits { max_bytes: 1 << 20, min_side: 32, max_side: 8192, max_pixels: 40_000_000 };

pub fn inspect(bytes: &[u8]) -> Result<Facts, Refusal> {
    inspect_in(&[bytes])
}

pub fn inspect_in(chunks: &[&[u8]]) -> Result<Facts, Refusal> {
    let mut inspection = Inspection::new(LIMITS);
    for chunk in chunks {
        inspection.push(chunk)?;
    }
    inspection.finish()
}
