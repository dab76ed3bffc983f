//! Which of a reactor's subscribers listen to the same topic, so that its news reach all of them at once.

use std::sync::Arc;

use slab::Slab;
use tokio::time::Instant;

use super::mailbox::Mailbox;
use super::subscriber::Subscriber;
use crate::stream::topic::Topic;

/// The subscribers of one topic.
#[derive(Debug)]
pub struct Group {
    /// The topic.
    pub topic: Arc<Topic>,
    /// Their keys.
    pub members: Vec<usize>,
    /// News that come before this are served together.
    pub rests_until: Option<Instant>,
}

/// All groups of one reactor.
#[derive(Debug, Default)]
pub struct Groups(Slab<Group>);

impl Groups {
    /// One of them; `None` when its last member has left.
    #[must_use]
    pub fn get(&self, group: usize) -> Option<&Group> {
        self.0.get(group)
    }

    /// Lets a group rest.
    pub fn rest(&mut self, group: usize, until: Instant) {
        if let Some(group) = self.0.get_mut(group) {
            group.rests_until = Some(until);
        }
    }

    /// Counts a subscriber among those of its topic, whose news the reactor is told of from now on.
    pub fn join(&mut self, mailbox: &Arc<Mailbox>, key: usize, subscriber: &mut Subscriber) {
        let topic = subscriber.waiting.subscription.topic();
        let index = topic.group(mailbox).unwrap_or_else(|| {
            let index = self.0.insert(Group { topic: topic.clone(), members: Vec::new(), rests_until: None });
            topic.watch(mailbox.clone(), index);
            index
        });
        if let Some(group) = self.0.get_mut(index) {
            subscriber.member = (index, group.members.len());
            group.members.push(key);
        }
    }

    /// Takes a subscriber out again. Answers who has moved to its place.
    pub fn leave(&mut self, mailbox: &Arc<Mailbox>, (index, place): (usize, usize)) -> Option<usize> {
        let group = self.0.get_mut(index)?;
        if place < group.members.len() {
            group.members.swap_remove(place);
        }
        let moved = group.members.get(place).copied();
        if group.members.is_empty() {
            group.topic.unwatch(mailbox);
            self.0.remove(index);
        }
        moved
    }
}
