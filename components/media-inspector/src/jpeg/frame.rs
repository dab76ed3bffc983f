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

/// The components of a frame, by their ids.
#[derive(Clone, Copy, Default)]
pub(super) struct Components {
    ids: [u8; 4],
    count: usize,
}

impl Components {
    /// Of a frame header that [`size`] took: each with an id of its own, sampling factors from 1 to 4 and a quantisation
    /// table that can be.
    pub(super) fn of_frame(segment: &[u8]) -> Result<Self, Refusal> {
        let mut components = Self::default();
        for component in segment.get(6..).unwrap_or_default().chunks_exact(3) {
            let [id, sampling, table] = component else { continue };
            let fits = (1..=4).contains(&(sampling >> 4)) && (1..=4).contains(&(sampling & 0x0F)) && *table < 4;
            if !fits || components.has(*id) {
                return Err(Refusal::Corrupt("its header makes no sense"));
            }
            if let Some(place) = components.ids.get_mut(components.count) {
                *place = *id;
                components.count += 1;
            }
        }
        Ok(components)
    }

    fn has(&self, id: u8) -> bool {
        self.ids.iter().take(self.count).any(|known| *known == id)
    }

    /// A scan header names one to four of the frame's components, none twice, with tables that can be, and a range of
    /// coefficients.
    pub(super) fn check_scan(&self, segment: &[u8]) -> Result<(), Refusal> {
        const DAMAGED: Refusal = Refusal::Corrupt("a part of it has no proper header");
        let Some((count @ 1..=4, rest)) = segment.split_first() else { return Err(DAMAGED) };
        let (named, range) = rest.split_at_checked(2 * usize::from(*count)).ok_or(DAMAGED)?;
        let mut seen = Self::default();
        for (place, component) in seen.ids.iter_mut().zip(named.chunks_exact(2)) {
            let [id, tables] = component else { continue };
            if !self.has(*id) || tables >> 4 > 3 || tables & 0x0F > 3 {
                return Err(DAMAGED);
            }
            *place = *id;
        }
        let twice = (1..usize::from(*count)).any(|at| {
            let (before, rest) = seen.ids.split_at(at);
            rest.first().is_some_and(|id| before.contains(id))
        });
        match range {
            // The last byte: which bits of the coefficients come, at most 13 of them.
            [0..=63, 0..=63, bits] if !twice && bits >> 4 <= 13 && bits & 0x0F <= 13 => Ok(()),
            _ => Err(DAMAGED),
        }
    }
}
