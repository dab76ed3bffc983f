//! The Multi-Picture index of CIPA DC-007: an APP2 segment with a small TIFF directory that says how many images the
//! file has.

const SIGNATURE: &[u8] = b"MPF\0";
const NUMBER_OF_IMAGES: u16 = 0xB001;
/// More than any camera writes; bounds what may follow the picture.
const MAX_FURTHER: u32 = 8;

/// How many images follow the first, 0 when the segment is something else or cannot be read.
pub(super) fn further_images(segment: &[u8]) -> u32 {
    images(segment).unwrap_or(1).saturating_sub(1).min(MAX_FURTHER)
}

fn images(segment: &[u8]) -> Option<u32> {
    let tiff = segment.strip_prefix(SIGNATURE)?;
    let order = match tiff.first_chunk()? {
        b"II*\0" => Order::Little,
        b"MM\0*" => Order::Big,
        _ => return None,
    };
    let directory = tiff.get(usize::try_from(order.u32(tiff, 4)?).ok()?..)?;
    let entries = usize::from(order.u16(directory, 0)?);
    // Entries have 12 bytes: tag, type, count, value.
    directory
        .get(2..)?
        .chunks_exact(12)
        .take(entries)
        .find(|entry| order.u16(entry, 0) == Some(NUMBER_OF_IMAGES))
        .and_then(|entry| order.u32(entry, 8))
}

enum Order {
    Little,
    Big,
}

impl Order {
    fn u16(&self, bytes: &[u8], at: usize) -> Option<u16> {
        let bytes = *bytes.get(at..)?.first_chunk()?;
        Some(match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        })
    }

    fn u32(&self, bytes: &[u8], at: usize) -> Option<u32> {
        let bytes = *bytes.get(at..)?.first_chunk()?;
        Some(match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        })
    }
}
