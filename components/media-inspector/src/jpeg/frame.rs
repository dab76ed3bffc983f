//! The frame header (SOF) and the scan header (SOS).

use crate::Refusal;
use crate::bytes::u16_at;

/// Width and height that a frame header declares, in pixels.
pub(super) fn size(segment: &[u8]) -> Result<(u32, u32), Refusal> {
    const DAMAGED: Refusal = Refusal::Corrupt("its header makes no sense");
    let (Some(precision), Some(height), Some(width), Some(components)) =
        (segment.first(), u16_at(segment, 1), u16_at(segment, 3), segment.get(5))
    else {
        return Err(DAMAGED);
    };
    if *precision == 12 {
        return Err(Refusal::Unsupported("12 bits a sample"));
    }
    if height == 0 {
        return Err(Refusal::Unsupported("a JPEG height given after the pixels"));
    }
    let expected = 6 + 3 * usize::from(*components);
    if *precision != 8 || width == 0 || !matches!(components, 1 | 3 | 4) || segment.len() != expected {
        return Err(DAMAGED);
    }
    Ok((u32::from(width), u32::from(height)))
}

/// A scan header names one to four components and has a length to match.
pub(super) fn check_scan(segment: &[u8]) -> Result<(), Refusal> {
    match segment.first() {
        Some(components @ 1..=4) if segment.len() == 4 + 2 * usize::from(*components) => Ok(()),
        _ => Err(Refusal::Corrupt("a part of it has no proper header")),
    }
}
