//! What each component is asked and what it takes, counted where it happens. Counters only grow; they begin anew with
//! the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use wasmtime::{ResourceLimiter, StoreLimits};

use super::answers::{AnswerReport, Answers};
use super::cpu::OutOfTime;

/// Upper bounds of the histogram's buckets, ms; one more bucket takes what is above the last.
pub const BOUNDS_MS: [u64; 9] = [5, 10, 25, 50, 100, 250, 1000, 5000, 30_000];

/// Which of the histogram's buckets counts what took so long.
pub(super) fn bucket(us: u64) -> usize {
    BOUNDS_MS.iter().position(|bound| us <= bound * 1000).unwrap_or(BOUNDS_MS.len())
}

/// One component's counters.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    /// Its answers to HTTP.
    pub answers: Answers,
    requests: AtomicU64,
    errors: AtomicU64,
    duration_us: AtomicU64,
    buckets: [AtomicU64; BOUNDS_MS.len() + 1],
    memory: AtomicU64,
    instances: AtomicU64,
    traps: AtomicU64,
    timeouts: AtomicU64,
    refused: AtomicU64,
    too_large: AtomicU64,
    cpu_ns: AtomicU64,
    queued_us: AtomicU64,
    active: AtomicU64,
    memory_denied: AtomicU64,
    cpu_exceeded: AtomicU64,
    cut_off: AtomicU64,
    made_room: AtomicU64,
}

impl Usage {
    /// One request was answered, until the head of its answer, or a native call has ended.
    pub fn answered(&self, took: Duration, failed: bool) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        if let Some(count) = self.buckets.get(bucket(us)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.errors.fetch_add(u64::from(failed), Ordering::Relaxed);
        self.duration_us.fetch_add(us, Ordering::Relaxed);
    }

    /// An answer that was counted, and whose head was sent, did not become whole.
    pub fn broke_off(&self) {
        self.errors.fetch_add(1, Ordering::Relaxed);
    }

    /// An instance ended because of what its guest did.
    fn trapped(&self) {
        self.traps.fetch_add(1, Ordering::Relaxed);
    }

    /// What was asked of an instance, or to start one, ended in this.
    pub fn failed(&self, error: &wasmtime::Error) {
        if error.is::<OutOfTime>() {
            self.exceeded_cpu();
        }
        self.trapped();
    }

    /// A request was given up because it took too long.
    pub fn timed_out(&self) {
        self.timeouts.fetch_add(1, Ordering::Relaxed);
    }

    /// A request found no place.
    pub fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// A request's body was larger than it may be.
    pub fn too_large(&self) {
        self.too_large.fetch_add(1, Ordering::Relaxed);
    }

    /// A guest wanted more memory than it may have.
    pub fn denied_memory(&self) {
        self.memory_denied.fetch_add(1, Ordering::Relaxed);
    }

    /// A guest computed for longer than it may.
    fn exceeded_cpu(&self) {
        self.cpu_exceeded.fetch_add(1, Ordering::Relaxed);
    }

    /// An answer went on for longer than it may.
    pub fn cut_off(&self) {
        self.cut_off.fetch_add(1, Ordering::Relaxed);
    }

    /// A client was so slow that it made room for another.
    pub fn made_room(&self) {
        self.made_room.fetch_add(1, Ordering::Relaxed);
    }

    /// A request has its place; until the guard is dropped it is being answered.
    pub fn active(self: &Arc<Self>) -> Active {
        self.active.fetch_add(1, Ordering::Relaxed);
        Active(self.clone())
    }

    /// A guest computed.
    pub fn computed(&self, took: Duration) {
        self.cpu_ns.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// A request waited for its turn.
    pub fn queued(&self, took: Duration) {
        self.queued_us.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// The counts now.
    pub fn read(&self) -> UsageReport {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        UsageReport {
            answers: self.answers.read(),
            requests: get(&self.requests),
            errors: get(&self.errors),
            duration_ms: get(&self.duration_us) / 1000,
            duration_buckets: self.buckets.iter().map(get).collect(),
            memory_bytes: get(&self.memory),
            instances: get(&self.instances),
            traps: get(&self.traps),
            timeouts: get(&self.timeouts),
            refused: get(&self.refused),
            too_large: get(&self.too_large),
            cpu_ms: get(&self.cpu_ns) / 1_000_000,
            queued_ms: get(&self.queued_us) / 1000,
            active: get(&self.active),
            memory_denied: get(&self.memory_denied),
            cpu_exceeded: get(&self.cpu_exceeded),
            cut_off: get(&self.cut_off),
            made_room: get(&self.made_room),
        }
    }
}

/// A request that is being answered.
pub(crate) struct Active(Arc<Usage>);

impl Drop for Active {
    fn drop(&mut self) {
        self.0.active.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One component's counts at one moment.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct UsageReport {
    /// Its answers to HTTP requests.
    pub answers: Vec<AnswerReport>,
    /// Requests answered, and calls from native code.
    pub requests: u64,
    /// Of these, answered with a 5xx or not at all.
    pub errors: u64,
    /// Time that all of them took together, ms.
    pub duration_ms: u64,
    /// How many took how long: one for each of [`BOUNDS_MS`], and those above. Not cumulative.
    pub duration_buckets: Vec<u64>,
    /// Linear memory of the instances that live now.
    pub memory_bytes: u64,
    /// Instances that live now.
    pub instances: u64,
    /// Instances that ended because of what their guest did.
    pub traps: u64,
    /// Requests given up because they took too long.
    pub timeouts: u64,
    /// Requests that found no place.
    pub refused: u64,
    /// Requests whose body was larger than it may be.
    pub too_large: u64,
    /// Time that its guests computed, ms.
    pub cpu_ms: u64,
    /// Time that requests waited for their turn, ms.
    pub queued_ms: u64,
    /// Requests that are being answered now.
    pub active: u64,
    /// How often a guest wanted more memory than it may have.
    pub memory_denied: u64,
    /// How often a guest computed for longer than it may.
    pub cpu_exceeded: u64,
    /// Answers that went on for longer than they may.
    pub cut_off: u64,
    /// Requests whose client was so slow that they made room for others.
    pub made_room: u64,
}

/// Bounds one instance's memory, that of all its modules together, and counts it for its component as long as the instance
/// lives.
pub(crate) struct Memory {
    limits: StoreLimits,
    usage: Arc<Usage>,
    most: u64,
    held: u64,
    /// The last growth, which may yet fail.
    last: u64,
}

impl Memory {
    pub fn new(most: usize, usage: Arc<Usage>) -> Self {
        usage.instances.fetch_add(1, Ordering::Relaxed);
        Self { limits: StoreLimits::default(), usage, most: most as u64, held: 0, last: 0 }
    }
}

impl ResourceLimiter for Memory {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let more = desired.saturating_sub(current) as u64;
        let fits = self.held.saturating_add(more) <= self.most;
        let allowed = fits && self.limits.memory_growing(current, desired, maximum)?;
        if !allowed {
            self.usage.denied_memory();
        }
        self.last = if allowed { more } else { 0 };
        self.held += self.last;
        self.usage.memory.fetch_add(self.last, Ordering::Relaxed);
        Ok(allowed)
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        let last = std::mem::take(&mut self.last);
        self.held -= last;
        self.usage.memory.fetch_sub(last, Ordering::Relaxed);
        self.limits.memory_grow_failed(error)
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        self.limits.table_growing(current, desired, maximum)
    }

    fn instances(&self) -> usize {
        self.limits.instances()
    }

    fn tables(&self) -> usize {
        self.limits.tables()
    }

    fn memories(&self) -> usize {
        self.limits.memories()
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.usage.memory.fetch_sub(self.held, Ordering::Relaxed);
        self.usage.instances.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_requests_by_how_long_they_took() {
        let usage = Usage::default();
        for (ms, failed) in [(1, false), (5, false), (6, true), (60_000, false)] {
            usage.answered(Duration::from_millis(ms), failed);
        }
        let report = usage.read();
        assert_eq!((report.requests, report.errors, report.duration_ms), (4, 1, 60_012));
        assert_eq!(report.duration_buckets, [2, 1, 0, 0, 0, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn memory_counts_while_its_instance_lives() {
        let usage = Arc::new(Usage::default());
        let mut memory = Memory::new(100, usage.clone());
        assert!(memory.memory_growing(0, 60, None).unwrap());
        assert!(!memory.memory_growing(60, 200, None).unwrap());
        assert!(memory.memory_growing(60, 90, None).unwrap());
        memory.memory_grow_failed(wasmtime::Error::msg("no room")).unwrap();
        assert_eq!((usage.read().memory_bytes, usage.read().instances, usage.read().memory_denied), (60, 1, 1));
        drop(memory);
        assert_eq!((usage.read().memory_bytes, usage.read().instances), (0, 0));
    }

    #[test]
    fn the_memories_of_an_instance_are_bounded_together() {
        let mut memory = Memory::new(100, Arc::default());
        assert!(memory.memory_growing(0, 60, None).unwrap(), "the first");
        assert!(!memory.memory_growing(0, 60, None).unwrap(), "the second");
        assert!(memory.memory_growing(0, 40, None).unwrap());
        assert!(!memory.memory_growing(60, 61, None).unwrap(), "the first again");
    }

    #[test]
    fn what_is_computed_in_pieces_counts_as_a_whole() {
        let usage = Usage::default();
        (0..2000).for_each(|_| usage.computed(Duration::from_nanos(999)));
        assert_eq!(usage.read().cpu_ms, 1);
    }
}
