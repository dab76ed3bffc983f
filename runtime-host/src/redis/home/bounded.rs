//! A connection whose answers are bounded, below what reads them: that keeps all of an answer until it is whole, and everybody
//! who shares the connection waits behind it. One that is larger fails the connection as soon as it says so; the next call
//! makes another.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What one answer may bring.
pub(crate) const LARGEST_ANSWER: usize = 128 << 20;
/// What an element of an answer takes beside its bytes, once it is read.
const ELEMENT: usize = 64;

/// Why a connection failed.
#[derive(Debug, thiserror::Error)]
#[error("an answer is larger than {} MiB", LARGEST_ANSWER >> 20)]
pub(crate) struct TooLarge;

impl TooLarge {
    /// Whether this is what went wrong.
    pub fn is(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|inner| inner.is::<Self>())
    }
}

/// See the module.
pub(super) struct Bounded<S> {
    inner: S,
    seen: Seen,
}

impl<S> Bounded<S> {
    pub fn new(inner: S) -> Self {
        Self { inner, seen: Seen::new(LARGEST_ANSWER) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        std::task::ready!(Pin::new(&mut self.inner).poll_read(cx, buffer))?;
        let seen = self.seen.see(buffer.filled().get(before..).unwrap_or_default());
        Poll::Ready(seen.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error)))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, slices)
    }
}

/// How much of an answer has been seen, in the protocol of either version. What is none of it, the reader complains of.
struct Seen {
    most: usize,
    size: usize,
    /// Values of this answer that are still to come; none between two answers.
    awaited: usize,
    at: At,
}

/// Where in a value we are.
#[derive(Clone, Copy)]
enum At {
    /// Before its first byte, which says what it is.
    Kind,
    /// In the line that it begins with; the number there so far.
    Line { kind: u8, number: usize, is_none: bool },
    /// In its bytes, of which there are so many more, with what ends them.
    Bytes(usize),
}

impl Seen {
    fn new(most: usize) -> Self {
        Self { most, size: 0, awaited: 0, at: At::Kind }
    }

    fn see(&mut self, mut bytes: &[u8]) -> Result<(), TooLarge> {
        while let Some((first, rest)) = bytes.split_first() {
            bytes = rest;
            self.at = match self.at {
                At::Kind => {
                    self.begin()?;
                    At::Line { kind: *first, number: 0, is_none: false }
                }
                At::Line { kind, number, is_none } if *first == b'\n' => self.line(kind, number, is_none)?,
                At::Line { kind, number, is_none } => match (kind, *first) {
                    (b'$' | b'=' | b'!' | b'*' | b'~' | b'>' | b'%' | b'|', digit @ b'0'..=b'9') => {
                        let number = number.saturating_mul(10).saturating_add(usize::from(digit - b'0'));
                        At::Line { kind, number, is_none }
                    }
                    (b'$' | b'=' | b'!' | b'*' | b'~' | b'>' | b'%' | b'|', other) => {
                        At::Line { kind, number, is_none: is_none || other == b'-' }
                    }
                    _ => {
                        self.add(1)?;
                        self.at
                    }
                },
                At::Bytes(left) => {
                    let taken = rest.len().min(left.saturating_sub(1));
                    bytes = rest.get(taken..).unwrap_or_default();
                    match left.saturating_sub(1 + taken) {
                        0 => self.end(),
                        left => At::Bytes(left),
                    }
                }
            };
        }
        Ok(())
    }

    /// One more value, which is one of those that are awaited, or a new answer.
    fn begin(&mut self) -> Result<(), TooLarge> {
        if self.awaited == 0 {
            (self.awaited, self.size) = (1, 0);
            return Ok(());
        }
        self.add(ELEMENT)
    }

    /// The line that a value begins with has been read.
    fn line(&mut self, kind: u8, number: usize, is_none: bool) -> Result<At, TooLarge> {
        let inside = match kind {
            b'$' | b'=' | b'!' if !is_none => {
                self.add(number)?;
                return Ok(At::Bytes(number.saturating_add(2)));
            }
            b'*' | b'~' | b'>' if !is_none => number,
            b'%' => number.saturating_mul(2),
            // What is said about a value, and then the value.
            b'|' => number.saturating_mul(2).saturating_add(1),
            _ => 0,
        };
        // Whoever reads them may make room for all at once.
        let room = self.most.saturating_sub(self.size);
        if inside.saturating_mul(ELEMENT) > room.saturating_add(ELEMENT) {
            return Err(TooLarge);
        }
        self.awaited = self.awaited.saturating_add(inside);
        Ok(self.end())
    }

    fn end(&mut self) -> At {
        self.awaited = self.awaited.saturating_sub(1);
        At::Kind
    }

    fn add(&mut self, size: usize) -> Result<(), TooLarge> {
        self.size = self.size.saturating_add(size);
        if self.size > self.most { Err(TooLarge) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether all of it passes, however it comes.
    fn passes(most: usize, text: &str) -> bool {
        let [whole, pieces] = [text.len(), 1].map(|piece| {
            let mut seen = Seen::new(most);
            text.as_bytes().chunks(piece).try_for_each(|bytes| seen.see(bytes)).is_ok()
        });
        assert_eq!(whole, pieces, "{text:?} by its pieces");
        whole
    }

    #[test]
    fn each_answer_has_the_room_for_itself() {
        let answers =
            "$10\r\n0123456789\r\n+OK\r\n:42\r\n$-1\r\n*-1\r\n_\r\n#t\r\n$0\r\n\r\n$10\r\n$1\r\n\r\n*3\r\n\r\n";
        assert!(passes(10, &answers.repeat(20)));
        assert!(!passes(9, answers));
    }

    #[test]
    fn one_is_too_large_as_soon_as_it_says_so() {
        assert!(!passes(1 << 20, "$536870912\r\n") && passes(1 << 20, "$1048576\r\n"));
        assert!(!passes(1 << 20, "*1000000\r\n") && !passes(1 << 20, "*99999999999999999999999\r\n"));
        assert!(!passes(10, "-ERR a long complaint\r\n"));
    }

    #[test]
    fn what_is_inside_counts_together() {
        let list = format!("*3\r\n{}", "$100\r\n".to_owned() + &"x".repeat(100) + "\r\n");
        assert!(passes(400, &list) && !passes(ELEMENT + 99, &list), "one of three");
        let nested = |n: usize| format!("*2\r\n%1\r\n$1\r\na\r\n*1\r\n:1\r\n${n}\r\n{}\r\n", "x".repeat(n));
        let room = 5 * ELEMENT + 103;
        assert!(passes(room, &nested(100)) && !passes(room, &nested(101)));
        let next = format!("{0}{0}|1\r\n+a\r\n:1\r\n{0}", nested(100));
        assert!(passes(room, &nested(100).repeat(3)) && !passes(room, &next), "what is said of a value is part of it");
    }
}
