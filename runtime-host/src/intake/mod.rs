//! A connection's first request, read before any HTTP server sees it, for answers that go on for so long that a server's
//! state for each of them would be most of what they cost.
//!
//! Taken is only what is plain: one HTTP/1 `GET` without a body, whole, with nothing after it, for a path that is asked for.
//! Everything else goes to the server with the bytes that have been read ([`Prefixed`]), and is none the worse for it. So do
//! later requests of a connection. Bounded: [`MOST`] bytes of a head; time is the caller's to bound.

mod head;
mod prefixed;
mod silence;
mod written;

use bytes::BytesMut;
use http::request::Parts;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use head::Seen;

pub use prefixed::Prefixed;
pub use silence::{MOST_HEARD, gone, listens, unless_gone};
pub use written::{head_of, respond};

/// The longest head that is waited for; the server may take longer ones.
const MOST: usize = 16 * 1024;
/// Read at a time. Most heads come in one piece.
const PIECE: usize = 2048;

/// What a connection began with.
#[derive(Debug)]
pub enum First {
    /// A request that is taken. Nothing else has been read.
    Request(Box<Parts>),
    /// Something else, or not enough to tell: what has been read is for the server.
    Other,
    /// Nothing: the client has gone.
    Gone,
}

/// Reads the first request, or as much as it takes to see that it is none of those that `takes` wants by their path. When
/// this is given up early, `read` holds what came.
pub async fn first(stream: &mut TcpStream, read: &mut BytesMut, takes: impl Fn(&str) -> bool) -> First {
    loop {
        read.reserve(PIECE);
        match stream.read_buf(read).await {
            Ok(1..) => {}
            _ if read.is_empty() => return First::Gone,
            _ => return First::Other,
        }
        match head::see(read, &takes) {
            Seen::Whole(parts) => {
                read.clear();
                return First::Request(parts);
            }
            Seen::More if read.len() < MOST => {}
            Seen::More | Seen::Other => return First::Other,
        }
    }
}
