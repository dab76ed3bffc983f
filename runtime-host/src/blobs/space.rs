//! The disk that takes the uploads, and how much of it is never given away: whatever is at work needs room to end, so new
//! images are refused while there is still some.

use super::{BlobError, Blobs};

/// Space of the disk that takes the uploads, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Disk {
    /// For us to use.
    pub free_bytes: u64,
    /// In all.
    pub total_bytes: u64,
}

/// An amount of free space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FreeSpace {
    /// So many bytes.
    Bytes(u64),
    /// So much of a disk, in thousandths of a percent.
    Share(u32),
}

/// Units of 1000 and of 1024, as people write them; the longer names first.
const UNITS: [(&str, u64); 9] = [
    ("KIB", 1 << 10),
    ("MIB", 1 << 20),
    ("GIB", 1 << 30),
    ("TIB", 1 << 40),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("B", 1),
];
/// A whole disk.
const WHOLE: u32 = 100_000;

impl FreeSpace {
    /// Reads `512MB`, `2GiB`, a plain number of bytes, or `5%`, less than 100.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_uppercase();
        let number = |text: &str| {
            let plain = |b: u8| b.is_ascii_digit() || b == b'.';
            let text = text.trim_end();
            text.bytes().all(plain).then(|| text.parse::<f64>().ok()).flatten()
        };
        if let Some(percent) = text.strip_suffix('%') {
            let share = number(percent).filter(|percent| *percent < 100.0)? * 1000.0;
            return Some(Self::Share(share.round() as u32));
        }
        let (amount, unit) = UNITS
            .iter()
            .find_map(|(name, unit)| text.strip_suffix(name).map(|amount| (amount, *unit)))
            .unwrap_or((&text, 1));
        // An `f64` is exact far beyond the bytes of any disk.
        let bytes = number(amount)? * unit as f64;
        (bytes < 1e18).then_some(Self::Bytes(bytes.round() as u64))
    }

    /// How much that is of a disk.
    #[must_use]
    pub fn bytes_of(self, disk: Disk) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Share(share) => {
                let bytes = u128::from(disk.total_bytes) * u128::from(share) / u128::from(WHOLE);
                u64::try_from(bytes).unwrap_or(u64::MAX)
            }
        }
    }
}

/// The disk as it is, beside what is to stay free of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub(super) struct Room {
    #[serde(flatten)]
    disk: Disk,
    min_free_bytes: u64,
    takes_uploads: bool,
}

impl Room {
    fn of(disk: Disk, min_free: FreeSpace) -> Self {
        let min_free_bytes = min_free.bytes_of(disk);
        Self { disk, min_free_bytes, takes_uploads: disk.free_bytes >= min_free_bytes }
    }

    /// Whether there is room for an upload of this many bytes, so far as that was announced.
    pub(super) fn require(self, announced: u64) -> Result<(), BlobError> {
        let Self { disk, min_free_bytes, .. } = self;
        if self.takes_uploads && disk.free_bytes - min_free_bytes >= announced {
            Ok(())
        } else {
            Err(BlobError::Reserved { free: disk.free_bytes, reserved: min_free_bytes })
        }
    }
}

impl Blobs {
    /// How much room there is for uploads.
    pub(super) fn room(&self, min_free: FreeSpace) -> Result<Room, BlobError> {
        Ok(Room::of(self.disk()?, min_free))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DISK: Disk = Disk { free_bytes: 1000, total_bytes: 200_000 };

    #[test]
    fn amounts_are_read_as_people_write_them() {
        for (text, bytes) in [
            ("0", 0),
            ("1024", 1024),
            ("512MB", 512_000_000),
            ("512 mb", 512_000_000),
            ("1.5GiB", 1_610_612_736),
            ("7B", 7),
        ] {
            assert_eq!(FreeSpace::parse(text), Some(FreeSpace::Bytes(bytes)), "{text}");
        }
        assert_eq!(FreeSpace::parse("0.5%").map(|space| space.bytes_of(DISK)), Some(1000));
        assert_eq!(FreeSpace::parse("99.9 %").map(|space| space.bytes_of(DISK)), Some(199_800));
        for bad in ["", "MB", "%", "-1", "-5%", "100%", "1e3", "1.2.3GB", "12 apples", "inf", "NaN%", "9999999TB"] {
            assert_eq!(FreeSpace::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn uploads_stop_where_the_reserve_begins() {
        let room = |bytes| Room::of(DISK, FreeSpace::Bytes(bytes));
        assert!(room(1000).require(0).is_ok() && room(900).require(100).is_ok());
        for refused in [room(1001).require(0), room(900).require(101)] {
            assert_eq!(refused.unwrap_err().status(), 507);
        }
        assert!(room(0).require(u64::MAX).is_err());
    }
}
