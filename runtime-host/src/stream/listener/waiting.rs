//! Listeners that have caught up, handed to somebody who can wait for less than a task and a server's connection cost.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Listener, Stage};
use crate::stream::Shared;
use crate::stream::admission::Slot;
use crate::stream::entry::{Form, StreamName};
use crate::stream::hub::Subscription;
use crate::stream::position::EntryId;
use crate::stream::timers::{Deadlines, Timers};

/// A listener that has caught up and waits, without what it takes to do more.
#[derive(Debug)]
pub struct Waiting {
    /// Its place at the job. First, so that it is left before the slot is.
    pub subscription: Subscription,
    /// The last entry that was sent.
    pub reached: EntryId,
    /// The form of the events.
    pub form: Form,
    /// The names in its events, shared with others of its job.
    pub name: Arc<StreamName>,
    /// When it is due.
    pub deadlines: Deadlines,
    /// Its place among the streams.
    pub slot: Slot,
}

impl Listener {
    /// What is needed to wait. Only after [`Todo::Wait`](super::Todo): what is still to be sent is lost.
    pub fn wait_elsewhere(self) -> Waiting {
        let Self { form, name, subscription, timers, reached, slot, .. } = self;
        Waiting { subscription, reached, form, name, deadlines: timers.deadlines(), slot }
    }

    /// A listener that waited, and is behind or may have missed something.
    pub fn resume(shared: Arc<Shared>, waiting: Waiting) -> Self {
        let Waiting { subscription, reached, form, name, deadlines, slot } = waiting;
        let timers = Timers::resume(deadlines, &shared.drain);
        let (outbox, stage) = (VecDeque::new(), Stage::Live);
        let mut listener = Self { shared, form, name, subscription, timers, outbox, reached, stage, slot };
        listener.go_back();
        listener
    }
}
