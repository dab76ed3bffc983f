//! The records of the ZIP format (PKWARE APPNOTE 6.3.10, sections 4.3 and 4.5), with ZIP64 where a number needs it.

use super::Planned;

/// An entry as the central directory has it.
#[derive(Debug, Clone)]
pub(super) struct CentralEntry {
    pub(super) planned: Planned,
    pub(super) crc: u32,
    pub(super) offset: u64,
}

/// Bit 3: checksum and sizes follow the content. Bit 11: the name is UTF-8.
const FLAGS: u16 = (1 << 3) | (1 << 11);
const STORED: u16 = 0;
const VERSION: u16 = 20;
const VERSION_ZIP64: u16 = 45;
/// Made on Unix, so that readers take the permissions from the upper half of the attributes.
const MADE_BY_UNIX: u16 = 3 << 8;
/// A regular file, rw-r--r--.
const ATTRIBUTES: u32 = 0o100_644 << 16;
const ZIP64_EXTRA: u16 = 1;

impl Planned {
    fn needs_zip64(&self) -> bool {
        self.size >= u64::from(u32::MAX)
    }

    fn version(&self) -> u16 {
        if self.needs_zip64() { VERSION_ZIP64 } else { VERSION }
    }

    fn name_length(&self) -> u16 {
        u16::try_from(self.name.len()).unwrap_or(u16::MAX)
    }
}

/// A number that fits, or the mark that says "see the ZIP64 field".
fn or_mark(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[derive(Default)]
struct Bytes(Vec<u8>);

impl Bytes {
    fn u16(mut self, value: u16) -> Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn u32(mut self, value: u32) -> Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn u64(mut self, value: u64) -> Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn raw(mut self, value: &[u8]) -> Self {
        self.0.extend_from_slice(value);
        self
    }
}

/// Local file header. Checksum and sizes are zero: they follow the content.
pub(super) fn local_header(planned: &Planned) -> Vec<u8> {
    let (time, date) = dos_time(planned.modified_ms);
    // The ZIP64 field tells readers that the numbers after the content have eight bytes.
    let extra =
        if planned.needs_zip64() { Bytes::default().u16(ZIP64_EXTRA).u16(16).u64(0).u64(0).0 } else { Vec::new() };
    let sizes = if planned.needs_zip64() { u32::MAX } else { 0 };
    Bytes::default()
        .u32(0x0403_4b50)
        .u16(planned.version())
        .u16(FLAGS)
        .u16(STORED)
        .u16(time)
        .u16(date)
        .u32(0)
        .u32(sizes)
        .u32(sizes)
        .u16(planned.name_length())
        .u16(u16::try_from(extra.len()).unwrap_or_default())
        .raw(planned.name.as_bytes())
        .raw(&extra)
        .0
}

/// What follows the content.
pub(super) fn data_descriptor(entry: &CentralEntry) -> Vec<u8> {
    let head = Bytes::default().u32(0x0807_4b50).u32(entry.crc);
    let size = entry.planned.size;
    if entry.planned.needs_zip64() { head.u64(size).u64(size).0 } else { head.u32(or_mark(size)).u32(or_mark(size)).0 }
}

/// The directory of all entries, which begins at `offset`, and the end of the archive.
pub(super) fn central_directory(entries: &[CentralEntry], offset: u64) -> Vec<u8> {
    let mut directory = Bytes::default();
    for entry in entries {
        directory = directory.raw(&central_header(entry));
    }
    let (count, size) = (entries.len(), u64::try_from(directory.0.len()).unwrap_or(u64::MAX));
    let short_count = u16::try_from(count).unwrap_or(u16::MAX);
    if short_count == u16::MAX || offset >= u64::from(u32::MAX) || size >= u64::from(u32::MAX) {
        directory = directory.raw(&zip64_end(u64::try_from(count).unwrap_or(u64::MAX), size, offset));
    }
    directory
        .u32(0x0605_4b50)
        .u16(0)
        .u16(0)
        .u16(short_count)
        .u16(short_count)
        .u32(or_mark(size))
        .u32(or_mark(offset))
        .u16(0)
        .0
}

fn central_header(entry: &CentralEntry) -> Vec<u8> {
    let CentralEntry { planned, crc, offset } = entry;
    let (time, date) = dos_time(planned.modified_ms);
    let far = *offset >= u64::from(u32::MAX);
    let mut field = Bytes::default();
    if planned.needs_zip64() {
        field = field.u64(planned.size).u64(planned.size);
    }
    if far {
        field = field.u64(*offset);
    }
    let extra = if field.0.is_empty() {
        Vec::new()
    } else {
        Bytes::default().u16(ZIP64_EXTRA).u16(u16::try_from(field.0.len()).unwrap_or_default()).raw(&field.0).0
    };
    let version = if extra.is_empty() { VERSION } else { VERSION_ZIP64 };
    Bytes::default()
        .u32(0x0201_4b50)
        .u16(MADE_BY_UNIX | version)
        .u16(version)
        .u16(FLAGS)
        .u16(STORED)
        .u16(time)
        .u16(date)
        .u32(*crc)
        .u32(or_mark(planned.size))
        .u32(or_mark(planned.size))
        .u16(planned.name_length())
        .u16(u16::try_from(extra.len()).unwrap_or_default())
        .u16(0)
        .u16(0)
        .u16(0)
        .u32(ATTRIBUTES)
        .u32(or_mark(*offset))
        .raw(planned.name.as_bytes())
        .raw(&extra)
        .0
}

/// ZIP64 end of central directory, and its locator.
fn zip64_end(count: u64, size: u64, offset: u64) -> Vec<u8> {
    Bytes::default()
        .u32(0x0606_4b50)
        .u64(44)
        .u16(MADE_BY_UNIX | VERSION_ZIP64)
        .u16(VERSION_ZIP64)
        .u32(0)
        .u32(0)
        .u64(count)
        .u64(count)
        .u64(size)
        .u64(offset)
        .u32(0x0706_4b50)
        .u32(0)
        .u64(offset + size)
        .u32(1)
        .0
}

/// Time and date of MS-DOS: two-second steps from 1980 on, in UTC here.
fn dos_time(ms: i64) -> (u16, u16) {
    let text = image2model_domain::time::rfc3339(ms);
    let number =
        |from: usize, to: usize| text.get(from..to).and_then(|part| part.parse::<u16>().ok()).unwrap_or_default();
    let year = number(0, 4);
    if !(1980..=2107).contains(&year) {
        return (0, (1 << 5) | 1);
    }
    let date = ((year - 1980) << 9) | (number(5, 7) << 5) | number(8, 10);
    ((number(11, 13) << 11) | (number(14, 16) << 5) | (number(17, 19) / 2), date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_ms_dos() {
        // 2026-11-20T10:46:21Z
        let (time, date) = dos_time(1_795_171_581_000);
        assert_eq!((date >> 9, date >> 5 & 15, date & 31), (46, 11, 20));
        assert_eq!((time >> 11, time >> 5 & 63, time & 31), (10, 46, 10));
        assert_eq!(dos_time(0), (0, 33));
    }

    #[test]
    fn numbers_that_do_not_fit_go_into_zip64_fields() {
        let planned = |size| Planned { name: "a".to_owned(), size, modified_ms: 0 };
        let entry = |size, offset| CentralEntry { planned: planned(size), crc: 0, offset };
        let (small, large) = (1_u64 << 20, 5_u64 << 30);
        assert_eq!(local_header(&planned(large)).len(), local_header(&planned(small)).len() + 20);
        assert_eq!(data_descriptor(&entry(large, 0)).len(), data_descriptor(&entry(small, 0)).len() + 8);
        assert_eq!(central_header(&entry(small, large)).len(), central_header(&entry(small, 0)).len() + 12);
        assert_eq!(central_header(&entry(large, large)).len(), central_header(&entry(small, 0)).len() + 28);
        assert_eq!(central_directory(&[], large).len(), 22 + 56 + 20);
    }
}
