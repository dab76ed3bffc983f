//! Chunks of an HTTP/1.1 body (RFC 9112, 7.1), for streams that no HTTP server carries. Clients in the middle of a body that ends
//! with its connection may wait for more before they pass anything on; each chunk is passed on when it is there.

use std::io::{self, IoSlice, Write};
use std::net::TcpStream;

use bytes::{Buf, Bytes, BytesMut};

const END: Bytes = Bytes::from_static(b"\r\n");
/// After which nothing follows.
pub const LAST: Bytes = Bytes::from_static(b"0\r\n\r\n");

/// What stands before and after so many bytes; nothing where there are none.
#[must_use]
pub fn around(length: usize) -> Option<[Bytes; 2]> {
    (length > 0).then(|| [format!("{length:x}\r\n").into(), END])
}

/// A chunk on its way to a client, its bytes shared with all who get the same.
#[derive(Debug, Default)]
pub struct Chunk([Bytes; 4]);

impl Chunk {
    /// These bytes, and the end of the body if they are its `last`.
    #[must_use]
    pub fn new(bytes: Bytes, last: bool) -> Self {
        let [before, after] = around(bytes.len()).unwrap_or_default();
        Self([before, bytes, after, if last { LAST } else { Bytes::new() }])
    }

    /// Whether all of it is on its way.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Bytes::is_empty)
    }

    /// What is left of this one and then the other.
    pub fn append(&mut self, other: &Self) {
        let mut all = BytesMut::new();
        self.0.iter().chain(&other.0).for_each(|part| all.extend_from_slice(part));
        self.0 = [all.freeze(), Bytes::new(), Bytes::new(), Bytes::new()];
    }

    /// Writes until the connection takes no more, for only then does a poll tell when it does again. Answers how much.
    ///
    /// # Errors
    /// When the connection is of no use any more.
    pub fn put(&mut self, mut stream: &TcpStream) -> io::Result<usize> {
        let mut done = 0;
        while !self.is_empty() {
            let slices = self.0.each_ref().map(|part| IoSlice::new(part));
            match stream.write_vectored(&slices) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => {
                    self.advance(n);
                    done += n;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn advance(&mut self, mut written: usize) {
        for part in &mut self.0 {
            let of_it = written.min(part.len());
            part.advance(of_it);
            written -= of_it;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(chunk: &Chunk) -> String {
        chunk.0.iter().map(|part| String::from_utf8_lossy(part).into_owned()).collect()
    }

    #[test]
    fn a_chunk_says_its_length_and_the_last_that_it_is() {
        assert_eq!(text(&Chunk::new(Bytes::from_static(b"data: x\n\n..."), false)), "c\r\ndata: x\n\n...\r\n");
        assert_eq!(text(&Chunk::new(Bytes::from_static(b"x"), true)), "1\r\nx\r\n0\r\n\r\n");
        assert_eq!(text(&Chunk::new(Bytes::new(), true)), "0\r\n\r\n");
        assert!(Chunk::new(Bytes::new(), false).is_empty(), "a chunk of nothing would be the last");
    }

    #[test]
    fn what_was_not_taken_goes_on_where_it_was() {
        let whole = text(&Chunk::new(Bytes::from_static(b"abc"), true));
        for taken in 0..=whole.len() {
            let mut chunk = Chunk::new(Bytes::from_static(b"abc"), true);
            chunk.advance(taken);
            assert_eq!((text(&chunk), chunk.is_empty()), (whole[taken..].to_owned(), taken == whole.len()));
            chunk.append(&Chunk::new(Bytes::from_static(b"d"), false));
            assert_eq!(text(&chunk), format!("{}1\r\nd\r\n", &whole[taken..]));
        }
    }
}
