//! One stream that waits for news: its socket, its place, and when it is due. What a client has not taken waits here.

use std::io::{self, Read};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::intake::MOST_HEARD;
use crate::stream::chunk::Chunk;
use crate::stream::listener::Waiting;
use crate::stream::position::Position;
use crate::stream::signs::Standing;

/// One carried stream. The connection comes first, so that it is closed before its places are free.
#[derive(Debug)]
pub struct Subscriber {
    stream: TcpStream,
    heard: usize,
    unsent: Option<Box<Unsent>>,
    /// Its place at the job, its names and its deadlines.
    pub waiting: Waiting,
    /// Its group in this reactor, and the place there.
    pub member: (usize, usize),
    /// The connection's place, which the server that accepted it counts.
    place: Option<OwnedSemaphorePermit>,
}

/// What a client has not taken yet.
#[derive(Debug)]
struct Unsent {
    chunk: Chunk,
    /// When it last took something.
    since: Instant,
    /// Whether nothing follows.
    last: bool,
}

/// What becomes of a subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It stays.
    Keep,
    /// Its connection is closed.
    Close,
    /// It is behind: a task reads the job's stream for it.
    GoBack,
}

impl Subscriber {
    /// Carries `waiting` over this connection, which must not block.
    #[must_use]
    pub fn new(stream: TcpStream, waiting: Waiting, place: Option<OwnedSemaphorePermit>) -> Self {
        Self { stream, heard: 0, unsent: None, waiting, member: (0, 0), place }
    }

    /// The number by which the system knows its connection.
    #[must_use]
    pub fn fd(&self) -> RawFd {
        self.stream.as_raw_fd()
    }

    /// Takes it apart again, to be carried by a task.
    #[must_use]
    pub fn into_parts(self) -> (TcpStream, Waiting, Option<OwnedSemaphorePermit>) {
        (self.stream, self.waiting, self.place)
    }

    /// Whether the client has not taken all that was sent.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.unsent.is_some()
    }

    /// Whether it has taken nothing for so long.
    #[must_use]
    pub fn stands_still(&self, now: Instant, stall: Duration) -> bool {
        self.unsent.as_ref().is_some_and(|unsent| now.saturating_duration_since(unsent.since) >= stall)
    }

    /// Whether its last words have been said.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        self.unsent.as_ref().is_some_and(|unsent| unsent.last)
    }

    /// Where it stands, for what is said to it alone.
    #[must_use]
    pub fn standing(&self) -> Standing<'_> {
        let Waiting { subscription, form, name, reached, .. } = &self.waiting;
        Standing { job: subscription.topic().job(), form: *form, name, position: Position::whole(*reached) }
    }

    /// Sends something; after the `last` the connection closes. What the client does not take at once waits.
    pub fn send(&mut self, bytes: Bytes, last: bool, now: Instant) -> Fate {
        let mut chunk = Chunk::new(bytes, last);
        if let Some(unsent) = &mut self.unsent {
            unsent.chunk.append(&chunk);
            unsent.last = last;
            return Fate::Keep;
        }
        if chunk.put(&self.stream).is_err() {
            return Fate::Close;
        }
        if !chunk.is_empty() {
            self.unsent = Some(Box::new(Unsent { chunk, since: now, last }));
            return Fate::Keep;
        }
        if last { Fate::Close } else { Fate::Keep }
    }

    /// Sends more of what waits, now that the client takes something again.
    pub fn go_on(&mut self, now: Instant) -> Fate {
        let Some(unsent) = &mut self.unsent else { return Fate::Keep };
        let Ok(taken) = unsent.chunk.put(&self.stream) else { return Fate::Close };
        if !unsent.chunk.is_empty() {
            if taken > 0 {
                unsent.since = now;
            }
            return Fate::Keep;
        }
        let last = unsent.last;
        self.unsent = None;
        if last { Fate::Close } else { Fate::Keep }
    }

    /// Reads what the client says, and forgets it. Its end is ours.
    pub fn hear(&mut self) -> Fate {
        let mut ignored = [0; 1024];
        while self.heard < MOST_HEARD {
            match (&self.stream).read(&mut ignored) {
                Ok(0) => return Fate::Close,
                Ok(n) => self.heard += n,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Fate::Keep,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Fate::Close,
            }
        }
        Fate::Close
    }

    /// Closes the connection after what has been sent.
    pub fn close(self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }
}
