//! Between whoever logs and the writer: a bounded queue that never makes anybody wait. What finds no room is dropped and
//! counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use image2model_domain::log::{LogEntry, LogKind};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Entries that may wait.
pub(super) const CAPACITY: usize = 4096;

/// An entry on its way.
#[derive(Debug)]
pub(super) struct Record {
    pub kind: LogKind,
    pub entry: LogEntry,
}

/// How many entries came to which end.
#[derive(Debug, Default)]
pub(super) struct Counters {
    /// Written to Redis.
    pub written: AtomicU64,
    /// Lost: no room, or Redis refused them.
    pub dropped: AtomicU64,
}

/// Where entries go in.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    records: Sender<Record>,
    counters: Arc<Counters>,
}

/// Entries that wait for a writer.
#[derive(Debug)]
pub struct Queued {
    pub(super) records: Receiver<Record>,
    pub(super) counters: Arc<Counters>,
}

impl Queue {
    pub fn new() -> (Self, Queued) {
        let (sender, records) = channel(CAPACITY);
        let counters = Arc::new(Counters::default());
        (Self { records: sender, counters: counters.clone() }, Queued { records, counters })
    }

    /// Puts an entry in, or counts it as lost.
    pub fn push(&self, record: Record) {
        if self.records.try_send(record).is_err() {
            self.counters.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image2model_domain::log::LogLevel;

    #[test]
    fn what_finds_no_room_is_counted() {
        let (queue, queued) = Queue::new();
        let record = || Record { kind: LogKind::App, entry: LogEntry::new(0, LogLevel::Info, "t", "m") };
        (0..CAPACITY + 3).for_each(|_| queue.push(record()));
        assert_eq!(queued.counters.dropped.load(Ordering::Relaxed), 3);
        drop(queued.records);
        queue.push(record());
        assert_eq!(queued.counters.dropped.load(Ordering::Relaxed), 4);
    }
}
