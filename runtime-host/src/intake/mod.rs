//! Connections from the moment they are accepted until it is known who serves them: bounded in number, with TLS or
//! without, HTTP/1.1 or HTTP/2.
//!
//! The first request of a connection is read before any HTTP server sees it, for answers that go on for so long that a
//! server's state for each of them would be most of what they cost. Taken is only what is plain: one HTTP/1 `GET` over TCP
//! without a body, whole, with nothing after it, for a path that is asked for. Everything else goes to the server with the
//! bytes that have been read ([`Prefixed`]), and is none the worse for it. So do later requests of a connection, and all
//! that come encrypted.

mod accept;
mod first;
mod head;
mod http;
mod places;
mod prefixed;
mod silence;
mod tls;
mod written;

use std::time::Duration;

use ::http::request::Parts;
use bytes::BytesMut;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use first::{First, first};
use prefixed::Prefixed;

pub(crate) use accept::{last, next};
pub(crate) use http::{Connection, Keeping, carrier};
pub(crate) use places::{Attended, Guest, Place, Places};
pub(crate) use silence::{MOST_HEARD, gone, listens, unless_gone};
pub(crate) use written::{head_of_chunks, respond};

pub use tls::{Tls, TlsError, TlsFiles};

/// How long a client may take nothing of what is being sent to it. The kernel counts: it alone knows what has arrived.
const TAKES_WITHIN: Duration = Duration::from_secs(30);

/// The HTTP that a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// HTTP/1.0 and 1.1.
    Http1,
    /// HTTP/2: chosen by ALPN, or with prior knowledge where there is no TLS.
    Http2,
}

/// Marks the head of a request that came over an encrypted connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Encrypted;

/// How connections are let in.
#[derive(Clone)]
pub(crate) struct Door {
    /// Encrypts them.
    pub tls: Option<Tls>,
    /// How long a client may take until its first request is known, or the encryption agreed on.
    pub within: Duration,
}

/// What a connection turned out to be.
pub(crate) enum Opened {
    /// Its first request is one that is taken; nothing else has been read.
    Request(Box<Parts>, TcpStream),
    /// One for a server.
    Http(Connection),
    /// None: the client has gone, said nothing in time, or the host is stopping.
    Gone,
}

impl Door {
    /// Finds out what a connection is. Once `shutdown` has begun, only one that has said something is still served.
    pub async fn open(
        &self,
        mut stream: TcpStream,
        shutdown: &CancellationToken,
        takes: impl Fn(&str) -> bool,
    ) -> Opened {
        let takes_within = |()| SockRef::from(&stream).set_tcp_user_timeout(Some(TAKES_WITHIN));
        // Without this, an answer in two writes waits for the client's delayed acknowledgement.
        if stream.set_nodelay(true).and_then(takes_within).is_err() {
            return Opened::Gone;
        }
        if let Some(tls) = &self.tls {
            return tokio::select! {
                biased;
                () = shutdown.cancelled() => Opened::Gone,
                agreed = tokio::time::timeout(self.within, tls.agree(stream)) => match agreed {
                    Ok(Some((stream, protocol))) => Opened::Http(Connection::encrypted(stream, protocol)),
                    _ => Opened::Gone,
                },
            };
        }
        let mut read = BytesMut::new();
        let first = tokio::select! {
            biased;
            () = shutdown.cancelled() => if read.is_empty() { First::Gone } else { First::Other(Protocol::Http1) },
            first = tokio::time::timeout(self.within, first(&mut stream, &mut read, takes)) => {
                first.unwrap_or(First::Gone)
            }
        };
        match first {
            First::Request(head) => Opened::Request(head, stream),
            First::Other(protocol) => Opened::Http(Connection::plain(Prefixed::new(read, stream), protocol)),
            First::Gone => Opened::Gone,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn clients_have_to_take_what_they_are_sent_and_get_it_at_once() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        client.write_all(b"GET /a HTTP/1.1\r\n\r\n").await.unwrap();
        let door = Door { tls: None, within: Duration::from_secs(10) };
        let opened = door.open(listener.accept().await.unwrap().0, &CancellationToken::new(), |_| true).await;
        let Opened::Request(_, stream) = opened else { panic!("not taken") };
        assert_eq!(SockRef::from(&stream).tcp_user_timeout().unwrap(), Some(TAKES_WITHIN));
        assert!(stream.nodelay().unwrap());
    }
}
