//! What is accepted, apart from the rules of the formats themselves.

use crate::Refusal;

/// What is accepted. Sides are in pixels, before any orientation is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of the whole file.
    pub max_bytes: u64,
    /// Of each side.
    pub min_side: u32,
    /// Of each side.
    pub max_side: u32,
    /// Width times height.
    pub max_pixels: u64,
}

impl Limits {
    /// Checks the size that an image's header declares, before any of its pixels arrive.
    pub(crate) fn check_size(&self, width: u32, height: u32) -> Result<(), Refusal> {
        if width > self.max_side || height > self.max_side {
            return Err(Refusal::TooLarge { width, height, max_side: self.max_side });
        }
        if width < self.min_side || height < self.min_side {
            return Err(Refusal::TooSmall { width, height, min_side: self.min_side });
        }
        if u64::from(width) * u64::from(height) > self.max_pixels {
            return Err(Refusal::TooManyPixels { width, height, max_pixels: self.max_pixels });
        }
        Ok(())
    }
}
