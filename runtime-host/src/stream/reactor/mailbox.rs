//! What a reactor is told from outside. Bounded by what there is to tell: a subscriber comes once, and a topic is named
//! once until the reactor has looked at it. However much is told, the reactor is woken once a turn.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use mio::{Registry, Token, Waker};
use parking_lot::Mutex;

use super::subscriber::Subscriber;

/// The token of a reactor's own alarm.
pub const ALARM: Token = Token(usize::MAX);

/// Where one reactor is told things.
#[derive(Debug)]
pub struct Mailbox {
    letters: Mutex<Letters>,
    waker: Waker,
    woken: AtomicBool,
}

/// What was told since the last turn.
#[derive(Debug, Default)]
pub struct Letters {
    /// Subscribers to be carried.
    pub adopted: Vec<Subscriber>,
    /// Groups whose topic has news.
    pub groups: Vec<usize>,
}

impl Mailbox {
    /// A mailbox that wakes the poll of `registry`.
    ///
    /// # Errors
    /// When there is no file descriptor left for it.
    pub fn new(registry: &Registry) -> io::Result<Self> {
        Ok(Self { letters: Mutex::default(), waker: Waker::new(registry, ALARM)?, woken: AtomicBool::new(false) })
    }

    /// A subscriber is to be carried.
    pub fn adopt(&self, subscriber: Subscriber) {
        self.letters.lock().adopted.push(subscriber);
        self.wake();
    }

    /// A group's topic has news.
    pub fn tell(&self, group: usize) {
        self.letters.lock().groups.push(group);
        self.wake();
    }

    /// Begins the reactor's next turn.
    pub fn wake(&self) {
        if !self.woken.swap(true, Ordering::AcqRel)
            && let Err(error) = self.waker.wake()
        {
            tracing::error!(%error, "a reactor of the streams cannot be woken");
        }
    }

    /// All that was told.
    pub fn open(&self) -> Letters {
        // Before it is emptied: what comes after that wakes anew.
        self.woken.store(false, Ordering::Release);
        std::mem::take(&mut *self.letters.lock())
    }
}
