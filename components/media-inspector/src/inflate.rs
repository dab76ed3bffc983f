//! Zlib streams (RFC 1950) whose output is looked at and forgotten: memory is the format's window of 32 KiB and the
//! decoder's tables, about 43 KiB, whatever comes out.

use alloc::boxed::Box;
use alloc::vec;

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, TINFL_LZ_DICT_SIZE, decompress, inflate_flags};

use crate::Refusal;

/// Until the window was filled once, nothing may refer to what would stand before its start.
const FIRST_WINDOW: u32 = inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
const FLAGS: u32 = inflate_flags::TINFL_FLAG_PARSE_ZLIB_HEADER
    | inflate_flags::TINFL_FLAG_HAS_MORE_INPUT
    | inflate_flags::TINFL_FLAG_COMPUTE_ADLER32;

/// One stream that is being inflated.
pub(crate) struct Inflater {
    decoder: Box<DecompressorOxide>,
    window: Box<[u8]>,
    /// Where in the window the next output goes.
    at: usize,
    filled: bool,
    ended: bool,
}

impl Inflater {
    pub(crate) fn new() -> Self {
        let window = vec![0; TINFL_LZ_DICT_SIZE].into_boxed_slice();
        Self { decoder: Box::default(), window, at: 0, filled: false, ended: false }
    }

    /// Inflates the next bytes and shows what comes out, piece by piece. Bytes after the stream's end are passed over, as
    /// every reader of images does.
    pub(crate) fn push(
        &mut self,
        mut data: &[u8],
        mut look: impl FnMut(&[u8]) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        while !self.ended {
            let flags = if self.filled { FLAGS } else { FLAGS | FIRST_WINDOW };
            let (status, read, written) = decompress(&mut self.decoder, data, &mut self.window, self.at, flags);
            let end = self.at + written;
            look(self.window.get(self.at..end).unwrap_or_default())?;
            self.filled |= end == TINFL_LZ_DICT_SIZE;
            self.at = end % TINFL_LZ_DICT_SIZE;
            data = data.get(read..).unwrap_or_default();
            match status {
                TINFLStatus::Done => self.ended = true,
                // The window was full.
                TINFLStatus::HasMoreOutput => {}
                TINFLStatus::NeedsMoreInput => return Ok(()),
                _ => return Err(Refusal::Corrupt("something in it cannot be unpacked")),
            }
        }
        Ok(())
    }
}
