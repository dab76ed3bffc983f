//! What subscribers of one topic are sent next: framed once, put together once, shared by all that stand at the same place.
//! Bounded: [`MOST`] bytes of events a batch, one event at least; [`REMEMBERED`] batches at a time.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::subscriber::{Fate, Subscriber};
use crate::stream::Shared;
use crate::stream::entry::{Entry, Form, StreamName, coalesce};
use crate::stream::position::EntryId;
use crate::stream::topic::{Kept, Look, News};
use tokio::time::Instant;

/// Bytes of events in a batch. What one client that stands still may hold.
pub const MOST: usize = 64 * 1024;
/// Listeners of a job stand at few places at a time.
const REMEMBERED: usize = 8;

/// The batches of one topic as it is at one moment.
pub struct Batches<'a> {
    shared: &'a Shared,
    kept: Kept,
    now: Instant,
    made: Vec<Batch>,
    /// Counted here first, because the reactors would wait for each other over every delivery.
    frames: usize,
    left_out: usize,
}

struct Batch {
    form: Form,
    name: Arc<StreamName>,
    from: u64,
    piece: Piece,
}

#[derive(Clone)]
struct Piece {
    to: u64,
    reached: EntryId,
    bytes: Bytes,
    frames: usize,
    left_out: usize,
    last: bool,
}

impl<'a> Batches<'a> {
    /// The batches of what is kept.
    pub fn new(shared: &'a Shared, kept: Kept, now: Instant) -> Self {
        Self { shared, kept, now, made: Vec::new(), frames: 0, left_out: 0 }
    }

    /// Sends a subscriber all that it has not had, as far as it takes it.
    pub fn serve(&mut self, subscriber: &mut Subscriber) -> Fate {
        while !subscriber.is_behind() {
            let waiting = &mut subscriber.waiting;
            let place = waiting.subscription.place();
            let first = match self.kept.at(place) {
                Look::Nothing => return Fate::Keep,
                Look::Behind | Look::News(News::Gap) => return Fate::GoBack,
                Look::News(News::Entry(entry)) if entry.id() <= waiting.reached => {
                    // It was read from the stream already.
                    waiting.subscription.move_to(place + 1);
                    continue;
                }
                Look::News(News::Entry(entry)) => entry.clone(),
            };
            let piece = self.piece(place, &first, waiting.form, &waiting.name);
            waiting.subscription.move_to(piece.to);
            waiting.reached = piece.reached;
            waiting.deadlines.sent(self.now);
            self.frames += piece.frames;
            self.left_out += piece.left_out;
            let fate = subscriber.send(piece.bytes, piece.last, self.now);
            if fate != Fate::Keep {
                return fate;
            }
        }
        Fate::Keep
    }

    fn piece(&mut self, from: u64, first: &Arc<Entry>, form: Form, name: &Arc<StreamName>) -> Piece {
        let same = |b: &&Batch| b.from == from && b.form == form && (Arc::ptr_eq(&b.name, name) || b.name == *name);
        if let Some(batch) = self.made.iter().find(same) {
            return batch.piece.clone();
        }
        if self.made.len() >= REMEMBERED {
            self.made.clear();
        }
        let piece = self.make(from, first, form, name);
        self.made.push(Batch { form, name: name.clone(), from, piece: piece.clone() });
        piece
    }

    /// Everything from a place on that belongs together, without what a lagging client need not be told any more.
    fn make(&self, from: u64, first: &Arc<Entry>, form: Form, name: &StreamName) -> Piece {
        let (mut entries, mut to, mut size, mut reached) = (vec![first.clone()], from + 1, first.size(), first.id());
        let mut last = first.is_last();
        while let (false, Look::News(News::Entry(entry))) = (last, self.kept.at(to)) {
            if size + entry.size() > MOST {
                break;
            }
            to += 1;
            if entry.id() > reached {
                (reached, last) = (entry.id(), entry.is_last());
                size += entry.size();
                entries.push(entry.clone());
            }
        }
        let all = entries.len();
        if self.now.saturating_duration_since(first.arrived()) >= self.shared.limits.lagging {
            entries = coalesce(entries);
        }
        let frames: Vec<Bytes> = entries.iter().flat_map(|entry| entry.frames(form, name).to_vec()).collect();
        let left_out = all - entries.len();
        Piece { to, reached, bytes: join(&frames), frames: frames.len(), left_out, last }
    }
}

impl Drop for Batches<'_> {
    fn drop(&mut self) {
        self.shared.counters.frames.add(self.frames);
        self.shared.counters.coalesced.add(self.left_out);
    }
}

fn join(frames: &[Bytes]) -> Bytes {
    if let [only] = frames {
        return only.clone();
    }
    let mut all = BytesMut::with_capacity(frames.iter().map(Bytes::len).sum());
    frames.iter().for_each(|frame| all.extend_from_slice(frame));
    all.freeze()
}
