//! The tables of a JPEG (ISO/IEC 10918-1, B.2.4): quantisation (DQT) and Huffman codes (DHT), checked as they pass. A reader
//! gives the whole file up over a table that makes no sense. State: one table's counts.

use crate::Refusal;

/// Marker of quantisation tables.
pub(super) const DQT: u8 = 0xDB;
/// Marker of Huffman tables.
pub(super) const DHT: u8 = 0xC4;

const DAMAGED: Refusal = Refusal::Corrupt("one of its tables makes no sense");
/// Tables of a kind that a picture can have.
const TABLES: u8 = 4;
/// Coefficients of a block.
const BLOCK: u16 = 64;

/// The tables of one segment.
#[derive(Clone, Copy)]
pub(super) struct Tables {
    huffman: bool,
    /// Nothing of a table has come; its class and number are next.
    between: bool,
    /// The table holds differences of mean values (DC), whose symbols are small.
    mean: bool,
    /// Lengths whose count of codes has come, of 16.
    lengths: u8,
    /// Codes so far, and the next code of the present length.
    codes: u16,
    next_code: u32,
    /// Values that are to come.
    left: u16,
}

impl Tables {
    /// Of a segment with this marker.
    pub(super) fn new(marker: u8) -> Self {
        let huffman = marker == DHT;
        Self { huffman, between: true, mean: false, lengths: 16, codes: 0, next_code: 0, left: 0 }
    }

    /// Takes a piece of the segment.
    pub(super) fn push(&mut self, data: &[u8]) -> Result<(), Refusal> {
        data.iter().try_for_each(|byte| self.byte(*byte))
    }

    /// The segment has ended.
    pub(super) fn finish(&self) -> Result<(), Refusal> {
        if self.between { Ok(()) } else { Err(DAMAGED) }
    }

    fn byte(&mut self, byte: u8) -> Result<(), Refusal> {
        if self.between {
            return self.begin(byte >> 4, byte & 0x0F);
        }
        if self.lengths < 16 {
            return self.count(u16::from(byte));
        }
        if self.huffman && self.mean && byte > 15 {
            return Err(DAMAGED);
        }
        self.left = self.left.saturating_sub(1);
        self.between = self.left == 0;
        Ok(())
    }

    /// `class`: of a Huffman table 0 for mean values; of a quantisation table 1 for values of two bytes.
    fn begin(&mut self, class: u8, number: u8) -> Result<(), Refusal> {
        if class > 1 || number >= TABLES {
            return Err(DAMAGED);
        }
        self.between = false;
        if self.huffman {
            (self.mean, self.lengths, self.codes, self.next_code) = (class == 0, 0, 0, 0);
        } else {
            self.left = BLOCK * (u16::from(class) + 1);
        }
        Ok(())
    }

    /// So many codes have the next length. They have to fit into it, and none is all ones.
    fn count(&mut self, codes: u16) -> Result<(), Refusal> {
        self.lengths += 1;
        self.codes += codes;
        self.next_code = (self.next_code << 1) + u32::from(codes);
        if (codes > 0 && self.next_code >= 1 << self.lengths) || self.codes > 256 {
            return Err(DAMAGED);
        }
        if self.lengths == 16 {
            self.left = self.codes;
            self.between = self.left == 0;
        }
        Ok(())
    }
}
