//! A ZIP written as it is sent: entries are stored, not deflated (models are compressed data already), and every length
//! is known before the first byte.

mod format;
mod manifest;

pub use manifest::manifest;

use format::{CentralEntry, central_directory, data_descriptor, local_header};

/// An entry before it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Unique within the archive, UTF-8.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Milliseconds since 1970.
    pub modified_ms: i64,
}

/// An entry's content was not as long as planned, so the announced length of the archive no longer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an entry has another size than planned")]
pub struct SizeChanged;

/// Writes an archive piece by piece: `begin`, its `content` through `count`, `end` for each entry, then `finish`.
#[derive(Debug, Default)]
pub struct Writer {
    offset: u64,
    done: Vec<CentralEntry>,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    entry: CentralEntry,
    left: u64,
    crc: crc32fast::Hasher,
}

impl Writer {
    /// The bytes before an entry's content.
    pub fn begin(&mut self, planned: &Planned) -> Vec<u8> {
        let entry = CentralEntry { planned: planned.clone(), crc: 0, offset: self.offset };
        let header = local_header(planned);
        self.offset += length(&header);
        self.open = Some(Open { entry, left: planned.size, crc: crc32fast::Hasher::new() });
        header
    }

    /// Counts a piece of the open entry's content, which is to be sent as it is.
    ///
    /// # Errors
    /// [`SizeChanged`] when it is more than planned.
    pub fn count(&mut self, content: &[u8]) -> Result<(), SizeChanged> {
        let open = self.open.as_mut().ok_or(SizeChanged)?;
        open.left = open.left.checked_sub(length(content)).ok_or(SizeChanged)?;
        open.crc.update(content);
        self.offset += length(content);
        Ok(())
    }

    /// The bytes after an entry's content.
    ///
    /// # Errors
    /// [`SizeChanged`] when there was less than planned.
    pub fn end(&mut self) -> Result<Vec<u8>, SizeChanged> {
        let Some(Open { mut entry, left: 0, crc }) = self.open.take() else { return Err(SizeChanged) };
        entry.crc = crc.finalize();
        let descriptor = data_descriptor(&entry);
        self.offset += length(&descriptor);
        self.done.push(entry);
        Ok(descriptor)
    }

    /// The bytes after the last entry.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        central_directory(&self.done, self.offset)
    }
}

/// How long the whole archive will be, in bytes. Lengths do not depend on contents.
#[must_use]
pub fn total_length(entries: &[Planned]) -> u64 {
    let mut offset = 0;
    let mut done = Vec::with_capacity(entries.len());
    for planned in entries {
        let entry = CentralEntry { planned: planned.clone(), crc: 0, offset };
        offset += length(&local_header(planned)) + planned.size + length(&data_descriptor(&entry));
        done.push(entry);
    }
    offset + length(&central_directory(&done, offset))
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
