//! Carries streams that wait for news: a socket and a small record each, on a few threads of their own.
//!
//! Most of a stream's life is waiting, and a task with an HTTP server's state for that costs ten times what the stream
//! itself needs. So whoever has caught up is handed over here, as a place in its [`Topic`](super::topic::Topic): news are
//! framed once for all, and one write brings a socket everything that it has not had. Nothing else is done here. Who is
//! behind what is kept, or may have missed something, goes back to a task (`carry`) that reads the stream, and returns.
//!
//! Bounded: [`MOST_THREADS`] threads; subscribers by their slots; what waits to be done by them and their topics; what waits
//! for one client by [`batch::MOST`], shared with all that stand at the same place.

mod batch;
mod groups;
mod mailbox;
mod subscriber;
mod sweep;
mod thread;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use super::Shared;

pub use mailbox::Mailbox;
pub use subscriber::Subscriber;

/// More would wait for each other's locks rather than for their sockets.
const MOST_THREADS: usize = 2;

/// The reactors of one stream server. They end with it.
#[derive(Debug)]
pub struct Reactors {
    mailboxes: Box<[Arc<Mailbox>]>,
    next: AtomicUsize,
}

impl Reactors {
    /// Starts so many threads, but no more than there are processors. Needs a Tokio runtime: its tasks carry who cannot stay.
    /// Where the system has no thread or file descriptor left for one there are fewer, or none.
    #[must_use]
    pub fn start(threads: usize, shared: &Weak<Shared>) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let mut mailboxes = Vec::new();
        for i in 0..threads.min(processors).min(MOST_THREADS) {
            match thread::start(i, shared.clone()) {
                Ok(mailbox) => mailboxes.push(mailbox),
                Err(error) => tracing::warn!(%error, "a reactor of the streams cannot be started"),
            }
        }
        Self { mailboxes: mailboxes.into(), next: AtomicUsize::new(0) }
    }

    /// Whether there is anybody to carry streams.
    #[must_use]
    pub fn any(&self) -> bool {
        !self.mailboxes.is_empty()
    }

    /// Carries a subscriber from now on. Each reactor gets its share of every job's listeners.
    pub fn adopt(&self, subscriber: Subscriber) {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        if let Some(mailbox) = turn.checked_rem(self.mailboxes.len()).and_then(|i| self.mailboxes.get(i)) {
            mailbox.adopt(subscriber);
        }
    }

    /// Lets the reactors see what has changed for all: a drain, or the end.
    pub fn wake(&self) {
        self.mailboxes.iter().for_each(|mailbox| mailbox.wake());
    }
}

impl Drop for Reactors {
    fn drop(&mut self) {
        self.wake();
    }
}
