//! The pixels of a PNG, unpacked and counted but not kept: as many rows as the header declares, each with a filter that
//! exists, no row more and none less. So neither a picture that unpacks to far more than it declares gets through nor one
//! that has too little.

use crate::Refusal;
use crate::bytes::take;
use crate::inflate::Inflater;

/// The filters 0 to 4 of the specification's section 9.
const LAST_FILTER: u8 = 4;

/// Where a pass of Adam7 (section 8) begins and how far apart its pixels are: x, y, step of x, step of y.
const ADAM7: [(u32, u32, u32, u32); 7] =
    [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)];

/// What the header says of the pixels.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub width: u32,
    pub height: u32,
    pub bits_per_pixel: u8,
    pub interlaced: bool,
}

impl Shape {
    /// How many rows the pass has, and how many bytes each of them after its filter.
    fn pass(&self, number: usize) -> Option<(u32, u64)> {
        let (x, y, across, down) = match (self.interlaced, number) {
            (false, 0) => (0, 0, 1, 1),
            (false, _) => return None,
            (true, number) => *ADAM7.get(number)?,
        };
        let width = self.width.saturating_sub(x).div_ceil(across);
        let height = self.height.saturating_sub(y).div_ceil(down);
        let bytes = (u64::from(width) * u64::from(self.bits_per_pixel)).div_ceil(8);
        // A pass without columns has no rows either.
        Some((if width == 0 { 0 } else { height }, bytes))
    }
}

pub(super) struct Pixels {
    inflater: Inflater,
    rows: Rows,
}

impl Pixels {
    pub(super) fn new(shape: Shape) -> Self {
        Self { inflater: Inflater::new(), rows: Rows { shape, next_pass: 0, rows: 0, row_bytes: 0, left: 0 } }
    }

    /// Takes the content of an `IDAT` chunk, or a piece of it.
    pub(super) fn push(&mut self, data: &[u8]) -> Result<(), Refusal> {
        let Self { inflater, rows } = self;
        inflater.push(data, |unpacked| rows.look(unpacked))
    }

    /// Whether every row has come.
    pub(super) fn are_complete(&mut self) -> bool {
        self.rows.left == 0 && !self.rows.has_next()
    }
}

struct Rows {
    shape: Shape,
    next_pass: usize,
    /// Of the present pass, not begun.
    rows: u32,
    row_bytes: u64,
    /// Bytes of the present row that are to come.
    left: u64,
}

impl Rows {
    fn look(&mut self, mut data: &[u8]) -> Result<(), Refusal> {
        while let Some((first, rest)) = data.split_first() {
            if self.left > 0 {
                let (row, after) = take(data, self.left);
                self.left -= row.len() as u64;
                data = after;
                continue;
            }
            if !self.has_next() {
                return Err(Refusal::Corrupt("it holds more pixels than it declares"));
            }
            if *first > LAST_FILTER {
                return Err(Refusal::Corrupt("its pixels are coded in a way that does not exist"));
            }
            self.rows -= 1;
            self.left = self.row_bytes;
            data = rest;
        }
        Ok(())
    }

    /// Whether there is a row to begin, in this pass or a later one.
    fn has_next(&mut self) -> bool {
        while self.rows == 0 {
            let Some((rows, bytes)) = self.shape.pass(self.next_pass) else { return false };
            (self.rows, self.row_bytes) = (rows, bytes);
            self.next_pass += 1;
        }
        true
    }
}
