//! The frames of an animated PNG (third edition, section 11.3.4): counted in order and within the picture. Readers that
//! know animations give the whole file up over one bad frame, so it is refused here; what frames hold is not unpacked.

use crate::Refusal;

/// Bytes of a frame's control chunk, `fcTL`.
pub(super) const CONTROL: usize = 26;

const DAMAGED: Refusal = Refusal::Corrupt("a frame of its animation makes no sense");

/// How far the animation has come.
#[derive(Default)]
pub(super) struct Animation {
    /// `fcTL` and `fdAT` chunks so far, which are numbered together.
    chunks: u32,
}

impl Animation {
    /// A frame of a picture of this size begins; one before the pixels is the picture itself.
    pub(super) fn frame(&mut self, control: &[u8], size: (u32, u32), is_picture: bool) -> Result<(), Refusal> {
        self.number(control)?;
        let word = |at: usize| Some(u32::from_be_bytes(*control.get(at..)?.first_chunk()?));
        let (Some(width), Some(height), Some(x), Some(y)) = (word(4), word(8), word(12), word(16)) else {
            return Err(DAMAGED);
        };
        let within = |offset: u32, length: u32, whole: u32| {
            length > 0 && offset.checked_add(length).is_some_and(|end| end <= whole)
        };
        let fits = within(x, width, size.0) && within(y, height, size.1);
        let whole = (width, height) == size;
        // What becomes of the frame before, and how this one is laid over it.
        let known = matches!(control.get(24..CONTROL), Some([0..=2, 0..=1]));
        if fits && known && (whole || !is_picture) { Ok(()) } else { Err(DAMAGED) }
    }

    /// Data of a frame come.
    pub(super) fn data(&mut self, content: &[u8]) -> Result<(), Refusal> {
        self.number(content)
    }

    fn number(&mut self, content: &[u8]) -> Result<(), Refusal> {
        let number = content.first_chunk().map(|number| u32::from_be_bytes(*number));
        if number != Some(self.chunks) {
            return Err(DAMAGED);
        }
        self.chunks = self.chunks.saturating_add(1);
        Ok(())
    }
}
