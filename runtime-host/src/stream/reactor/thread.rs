//! One reactor: a thread that waits for its sockets, its mailbox and the time, and does what is to be done.

use std::io;
use std::sync::{Arc, Weak};
use std::time::Duration;

use mio::event::Event;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use slab::Slab;
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::batch::Batches;
use super::groups::Groups;
use super::mailbox::{ALARM, Letters, Mailbox};
use super::subscriber::{Fate, Subscriber};
use super::sweep;
use crate::stream::{Shared, carry};

/// Events of sockets looked at in one turn; what is left comes in the next.
const EVENTS: usize = 1024;
/// It holds no deep calls and no large arrays.
const STACK: usize = 256 * 1024;
/// Listeners of one job that are many.
const MANY: usize = 32;
/// A job with many listeners is served no more than half of the time: in a burst, one write brings more events the fewer
/// writes there are, and nobody waits longer than for as long as serving all took, or this.
const LONGEST_REST: Duration = Duration::from_millis(20);
/// After the poll failed, which no known state of a system does.
const PAUSE: Duration = Duration::from_millis(100);

/// Starts one. It ends when nobody holds `shared` any more.
///
/// # Errors
/// When there is no file descriptor or no thread left.
pub fn start(number: usize, shared: Weak<Shared>) -> io::Result<Arc<Mailbox>> {
    let poll = Poll::new()?;
    let mailbox = Arc::new(Mailbox::new(poll.registry())?);
    let reactor = Reactor {
        poll,
        mailbox: mailbox.clone(),
        shared,
        runtime: Handle::current(),
        subscribers: Slab::new(),
        groups: Groups::default(),
        resting: Vec::new(),
        sweep_at: Instant::now(),
        draining: false,
    };
    std::thread::Builder::new().name(format!("streams-{number}")).stack_size(STACK).spawn(move || reactor.run())?;
    Ok(mailbox)
}

struct Reactor {
    poll: Poll,
    mailbox: Arc<Mailbox>,
    shared: Weak<Shared>,
    runtime: Handle,
    subscribers: Slab<Subscriber>,
    groups: Groups,
    /// Groups that have news and rest.
    resting: Vec<usize>,
    sweep_at: Instant,
    draining: bool,
}

impl Reactor {
    fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS);
        loop {
            let polled = self.poll.poll(&mut events, self.patience());
            let Some(shared) = self.shared.upgrade() else {
                // Who was still to come goes as well, and with it what holds this mailbox.
                drop(self.mailbox.open());
                return;
            };
            match polled {
                Ok(()) => self.turn(&shared, &events),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    tracing::error!(%error, "a reactor of the streams cannot wait for its connections");
                    std::thread::sleep(PAUSE);
                }
            }
        }
    }

    /// Until something is due, or for ever when there is nobody.
    fn patience(&self) -> Option<Duration> {
        let rests = self.resting.iter().filter_map(|group| self.groups.get(*group)?.rests_until);
        let next = rests.fold(self.sweep_at, Instant::min);
        (!self.subscribers.is_empty()).then(|| next.saturating_duration_since(Instant::now()))
    }

    fn turn(&mut self, shared: &Arc<Shared>, events: &Events) {
        let now = Instant::now();
        for event in events.iter().filter(|event| event.token() != ALARM) {
            self.on_event(shared, event, now);
        }
        let Letters { adopted, groups } = self.mailbox.open();
        for subscriber in adopted {
            self.adopt(shared, subscriber, now);
        }
        for group in std::mem::take(&mut self.resting).into_iter().chain(groups) {
            self.serve(shared, group, now);
        }
        self.look_at_time(shared, now);
    }

    fn on_event(&mut self, shared: &Arc<Shared>, event: &Event, now: Instant) {
        let key = event.token().0;
        let Some(subscriber) = self.subscribers.get_mut(key) else { return };
        let heard = event.is_readable() || event.is_read_closed() || event.is_error();
        let mut fate = if heard { subscriber.hear() } else { Fate::Keep };
        if fate == Fate::Keep && event.is_writable() && subscriber.is_behind() {
            fate = subscriber.go_on(now);
            if fate == Fate::Keep && !subscriber.is_behind() {
                fate = serve_one(shared, subscriber, now);
            }
        }
        self.settle(shared, key, fate);
    }

    fn adopt(&mut self, shared: &Arc<Shared>, mut subscriber: Subscriber, now: Instant) {
        if shared.drain.has_begun() {
            subscriber.waiting.deadlines.leave_within(shared.drain.spread());
        }
        let (key, fd) = (self.subscribers.vacant_key(), subscriber.fd());
        let interest = Interest::READABLE | Interest::WRITABLE;
        if let Err(error) = self.poll.registry().register(&mut SourceFd(&fd), Token(key), interest) {
            tracing::warn!(%error, "a stream's connection cannot be watched, closing it");
            return subscriber.close();
        }
        // First told of news, then looked at those that are there: nothing comes between the two.
        self.groups.join(&self.mailbox, key, &mut subscriber);
        let fate = serve_one(shared, &mut subscriber, now);
        self.subscribers.insert(subscriber);
        self.settle(shared, key, fate);
    }

    /// Brings a topic's news to its listeners.
    fn serve(&mut self, shared: &Arc<Shared>, index: usize, now: Instant) {
        let Some(group) = self.groups.get(index) else { return };
        if group.rests_until.is_some_and(|until| now < until) {
            // It is told of no more until it is looked at, so it is here once.
            return self.resting.push(index);
        }
        let place_of = |key: &usize| self.subscribers.get(*key).map(|s| s.waiting.subscription.place());
        // A few listeners need no more than what they have not had; among many there is one that is far behind.
        let many = group.members.len() >= MANY;
        let from = if many { None } else { group.members.iter().filter_map(place_of).min() };
        let kept = group.topic.since(from.unwrap_or(0), Some(&self.mailbox));
        let began = Instant::now();
        let (mut batches, mut left) = (Batches::new(shared, kept, now), group.members.len());
        // From the end, because who goes is replaced by the last.
        while left > 0 {
            left -= 1;
            let key = self.groups.get(index).and_then(|group| group.members.get(left)).copied();
            let fate = key.and_then(|key| self.subscribers.get_mut(key)).map(|subscriber| batches.serve(subscriber));
            if let (Some(key), Some(fate)) = (key, fate) {
                self.settle(shared, key, fate);
            }
        }
        if many {
            let ended = Instant::now();
            self.groups.rest(index, ended + ended.saturating_duration_since(began).min(LONGEST_REST));
        }
    }

    fn look_at_time(&mut self, shared: &Arc<Shared>, now: Instant) {
        if shared.hangup.is_cancelled() {
            let keys: Vec<usize> = self.subscribers.iter().map(|(key, _)| key).collect();
            keys.into_iter().for_each(|key| self.settle(shared, key, Fate::Close));
            return;
        }
        if shared.drain.has_begun() && !self.draining {
            self.draining = true;
            self.sweep_at = now;
            let spread = shared.drain.spread();
            self.subscribers.iter_mut().for_each(|(_, s)| s.waiting.deadlines.leave_within(spread));
        }
        if now >= self.sweep_at {
            self.sweep_at = now + sweep::every(&shared.limits, self.draining);
            let due = self.subscribers.iter().filter(|(_, s)| sweep::is_due(s, &shared.limits, now));
            let keys: Vec<usize> = due.map(|(key, _)| key).collect();
            for key in keys {
                let fate = self.subscribers.get_mut(key).map(|s| sweep::attend(s, shared, now));
                self.settle(shared, key, fate.unwrap_or(Fate::Keep));
            }
        }
    }

    fn settle(&mut self, shared: &Arc<Shared>, key: usize, fate: Fate) {
        if fate == Fate::Keep {
            return;
        }
        let Some(subscriber) = self.subscribers.try_remove(key) else { return };
        let place = subscriber.member.1;
        let moved = self.groups.leave(&self.mailbox, subscriber.member);
        if let Some(moved) = moved.and_then(|key| self.subscribers.get_mut(key)) {
            moved.member.1 = place;
        }
        if fate == Fate::Close {
            return subscriber.close();
        }
        let fd = subscriber.fd();
        if self.poll.registry().deregister(&mut SourceFd(&fd)).is_err() {
            return subscriber.close();
        }
        let (stream, waiting, place) = subscriber.into_parts();
        self.runtime.spawn(carry::resume(shared.clone(), stream, waiting, place));
    }
}

/// Brings one subscriber what it has not had.
fn serve_one(shared: &Shared, subscriber: &mut Subscriber, now: Instant) -> Fate {
    let subscription = &subscriber.waiting.subscription;
    let kept = subscription.topic().since(subscription.place(), None);
    Batches::new(shared, kept, now).serve(subscriber)
}
