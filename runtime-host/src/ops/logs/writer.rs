//! Takes entries from the queue and writes them to Redis, many at a time, over a connection of its own.
//!
//! While Redis is away the batch in hand is kept and the queue fills up; what then finds no room is counted. Nobody who
//! logs ever waits.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use image2model_domain::commands::ExpireLogs;
use image2model_domain::time::rfc3339;
use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::batch::Form;
use super::queue::{CAPACITY, Queued, Record};
use crate::redis::sign_of_life::{EVERY, SignOfLife, now_ms};
use crate::redis::{RedisError, Store};

/// Entries written at once: Redis is done with them in well under a millisecond.
const MOST: usize = 256;
/// How long a few entries wait for more.
const GATHER: Duration = Duration::from_millis(200);
/// Between two tries while Redis is away.
const RETRY: Duration = Duration::from_millis(500);
/// Between two looks for entries that are too old.
const EXPIRE_EVERY: Duration = Duration::from_secs(60);
/// How long the end waits for the rest to be written.
const LAST_WITHIN: Duration = Duration::from_secs(2);

/// How a writer writes.
#[derive(Debug, Clone)]
pub struct WriterSettings {
    /// The writer's id, unique to the process.
    pub id: String,
    /// The machine's name.
    pub host: String,
    /// About how many entries a log keeps.
    pub max_entries: u64,
    /// How long an entry is kept.
    pub retention: Duration,
}

/// A writer at work.
#[derive(Debug)]
pub struct LogWriter {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl LogWriter {
    /// Begins to write what waits and what comes. `store` should be a connection that nobody else waits for.
    #[must_use]
    pub fn start(queued: Queued, store: Store, settings: WriterSettings) -> Self {
        let stop = CancellationToken::new();
        let form = Form {
            keys: store.keys().clone(),
            host: settings.host.clone(),
            max_entries: settings.max_entries,
            counts_ttl: settings.retention.as_secs() + 86_400,
        };
        let keys = store.keys();
        let sign =
            SignOfLife { record: keys.log_writer(&settings.id), set: keys.log_writers(), id: settings.id.clone() };
        let task = Task {
            queued,
            store,
            settings,
            form,
            sign,
            stop: stop.clone(),
            lost_told: 0,
            last_written: 0,
            expire_at: Instant::now(),
            refused: false,
        };
        Self { stop, task: tokio::spawn(task.run()) }
    }

    /// Writes what waits, for a moment at most, and ends.
    pub async fn stop(self) {
        self.stop.cancel();
        // An error is a panic, of which the log itself cannot tell any more.
        let _ = self.task.await;
    }
}

struct Task {
    queued: Queued,
    store: Store,
    settings: WriterSettings,
    form: Form,
    sign: SignOfLife,
    stop: CancellationToken,
    /// Of the lost entries, how many the counts in Redis know of.
    lost_told: u64,
    last_written: i64,
    expire_at: Instant,
    /// What was sent last was not taken, and that was said.
    refused: bool,
}

impl Task {
    async fn run(mut self) {
        let mut upkeep = tokio::time::interval(EVERY);
        upkeep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut batch = Vec::with_capacity(MOST);
        let stop = self.stop.clone();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                _ = upkeep.tick() => self.upkeep().await,
                _ = self.queued.records.recv_many(&mut batch, MOST) => {
                    self.gather(&mut batch).await;
                    self.write(&mut batch).await;
                }
            }
        }
        let _ = tokio::time::timeout(LAST_WITHIN, self.finish(&mut batch)).await;
    }

    /// Waits a little for more entries, so that few writes carry many.
    async fn gather(&mut self, batch: &mut Vec<Record>) {
        let fill = async {
            while batch.len() < MOST {
                let room = MOST - batch.len();
                if self.queued.records.recv_many(batch, room).await == 0 {
                    break;
                }
            }
        };
        tokio::select! {
            () = self.stop.cancelled() => {}
            _ = tokio::time::timeout(GATHER, fill) => {}
        }
    }

    /// Writes a batch, however long Redis is away, unless it is time to stop.
    async fn write(&mut self, batch: &mut Vec<Record>) {
        let mut away = false;
        while !batch.is_empty() {
            match self.send(batch).await {
                Ok(()) => break,
                Err(error) if error.is_retryable() && !self.stop.is_cancelled() => {
                    if !std::mem::replace(&mut away, true) {
                        tracing::warn!(code = error.code(), "log entries cannot be written, keeping them for now");
                    }
                }
                Err(error) => {
                    self.queued.counters.dropped.fetch_add(batch.len() as u64, Relaxed);
                    // Which is an entry itself: said of each batch, there would be no end.
                    if !std::mem::replace(&mut self.refused, true) {
                        let (kind, entries) = (error.metric_label(), batch.len());
                        tracing::error!(code = error.code(), kind, entries, "log entries are lost");
                    }
                    break;
                }
            }
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = tokio::time::sleep(RETRY) => {}
            }
        }
        batch.clear();
        if away {
            let lost = self.queued.counters.dropped.load(Relaxed);
            tracing::info!(lost, "log entries can be written again");
        }
    }

    async fn send(&mut self, batch: &[Record]) -> Result<(), RedisError> {
        let (now, lost) = (now_ms(), self.queued.counters.dropped.load(Relaxed));
        self.store.pipeline(&self.form.pipeline(batch, lost - self.lost_told, now)).await?;
        self.queued.counters.written.fetch_add(batch.len() as u64, Relaxed);
        (self.lost_told, self.last_written, self.refused) = (lost, now, false);
        Ok(())
    }

    /// Writes what is left and takes the sign of life back.
    async fn finish(&mut self, batch: &mut Vec<Record>) {
        self.write(batch).await;
        while let Ok(record) = self.queued.records.try_recv() {
            batch.push(record);
            while batch.len() < MOST
                && let Ok(record) = self.queued.records.try_recv()
            {
                batch.push(record);
            }
            self.write(batch).await;
        }
        let _ = self.sign.leave(&self.store).await;
    }

    /// Tells how the writer is, and lets go of what is too old.
    async fn upkeep(&mut self) {
        if let Err(error) = self.show().await {
            tracing::debug!(code = error.code(), "the log writer's sign of life was not written");
            return;
        }
        if Instant::now() < self.expire_at {
            return;
        }
        self.expire_at = Instant::now() + EXPIRE_EVERY;
        let retention = i64::try_from(self.settings.retention.as_millis()).unwrap_or(i64::MAX);
        if let Err(error) = self.store.run(&ExpireLogs { before_ms: now_ms().saturating_sub(retention).max(0) }).await {
            tracing::warn!(code = error.code(), %error, "old log entries cannot be removed");
        }
    }

    async fn show(&self) -> Result<(), RedisError> {
        let counters = &self.queued.counters;
        let record = json!({
            "id": self.settings.id,
            "host": self.settings.host,
            "version": env!("CARGO_PKG_VERSION"),
            "written": counters.written.load(Relaxed),
            "lost": counters.dropped.load(Relaxed),
            "waiting": self.queued.records.len(),
            "capacity": CAPACITY,
            "last_written_at": (self.last_written > 0).then(|| rfc3339(self.last_written)),
            "seen_at": rfc3339(now_ms()),
        });
        self.sign.show(&self.store, &record).await
    }
}
