//! One file's inspection: which format it is, how many bytes it has, and whether it was refused already.

use crate::jpeg::Jpeg;
use crate::png::Png;
use crate::{Limits, Refusal};

/// The format of an accepted image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JPEG, ISO/IEC 10918-1.
    Jpeg,
    /// PNG, third edition.
    Png,
}

/// What an accepted image is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// By its content, not by its name.
    pub format: Format,
    /// Pixels, before any orientation is applied.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Of the whole file.
    pub bytes: u64,
}

enum Reader {
    /// No byte has arrived.
    Nothing,
    Jpeg(Jpeg),
    Png(Png),
}

/// One file's inspection. Push its bytes in order, then finish.
pub struct Inspection {
    limits: Limits,
    bytes: u64,
    reader: Reader,
    refused: Option<Refusal>,
}

impl Inspection {
    /// Begins an inspection.
    pub fn new(limits: Limits) -> Self {
        Self { limits, bytes: 0, reader: Reader::Nothing, refused: None }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// As soon as it is certain that the file is not accepted, and from then on always the same refusal.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), Refusal> {
        if let Some(refusal) = self.refused {
            return Err(refusal);
        }
        let outcome = self.read(chunk);
        self.refused = outcome.err();
        outcome
    }

    fn read(&mut self, chunk: &[u8]) -> Result<(), Refusal> {
        let Some(first) = chunk.first() else { return Ok(()) };
        self.bytes = self.bytes.saturating_add(chunk.len() as u64);
        if self.bytes > self.limits.max_bytes {
            return Err(Refusal::FileTooLarge { max_bytes: self.limits.max_bytes });
        }
        if matches!(self.reader, Reader::Nothing) {
            self.reader = match first {
                0xFF => Reader::Jpeg(Jpeg::new(self.limits)),
                0x89 => Reader::Png(Png::new(self.limits)),
                _ => return Err(Refusal::NotAnImage),
            };
        }
        match &mut self.reader {
            Reader::Nothing => Ok(()),
            Reader::Jpeg(jpeg) => jpeg.push(chunk),
            Reader::Png(png) => png.push(chunk),
        }
    }

    /// Says what it was, once every byte has been pushed.
    ///
    /// # Errors
    /// The refusal, also when the image has not reached its end.
    pub fn finish(&self) -> Result<Facts, Refusal> {
        if let Some(refusal) = self.refused {
            return Err(refusal);
        }
        let (format, (width, height)) = match &self.reader {
            Reader::Nothing => return Err(Refusal::Empty),
            Reader::Jpeg(jpeg) => (Format::Jpeg, jpeg.finish()?),
            Reader::Png(png) => (Format::Png, png.finish()?),
        };
        Ok(Facts { format, width, height, bytes: self.bytes })
    }
}
