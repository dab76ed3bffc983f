//! Reading fixed pieces out of a stream that is cut anywhere.

/// The first `N` bytes of something whose bytes arrive in pieces.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prefix<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Prefix<N> {
    pub(crate) fn new() -> Self {
        Self { bytes: [0; N], len: 0 }
    }

    /// Takes what still fits and returns the rest.
    pub(crate) fn fill<'a>(&mut self, data: &'a [u8]) -> &'a [u8] {
        let mut used = 0;
        for (to, from) in self.bytes.iter_mut().skip(self.len).zip(data) {
            *to = *from;
            used += 1;
        }
        self.len += used;
        data.get(used..).unwrap_or_default()
    }

    /// All `N` bytes, once they are there.
    pub(crate) fn full(&self) -> Option<[u8; N]> {
        (self.len == N).then_some(self.bytes)
    }

    /// What is there so far.
    pub(crate) fn get(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// Splits off at most `count` bytes.
pub(crate) fn take(data: &[u8], count: u64) -> (&[u8], &[u8]) {
    let count = usize::try_from(count).unwrap_or(usize::MAX).min(data.len());
    data.split_at_checked(count).unwrap_or((data, &[]))
}

/// A big-endian `u16` at `at`.
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}
