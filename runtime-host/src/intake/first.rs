//! Reads the first bytes of a connection: either a plain request that is taken, or enough to tell which HTTP it is.
//! Bounded: [`MOST`] bytes of a head; time is the caller's to bound.

use bytes::BytesMut;
use http::request::Parts;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::Protocol;
use super::head::{self, Seen};

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
    Other(Protocol),
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
            _ => return First::Other(Protocol::Http1),
        }
        match head::see(read, &takes) {
            Seen::Whole(parts) => {
                read.clear();
                return First::Request(parts);
            }
            Seen::More if read.len() < MOST => {}
            Seen::More | Seen::Other => return First::Other(Protocol::Http1),
            Seen::Http2 => return First::Other(Protocol::Http2),
        }
    }
}
