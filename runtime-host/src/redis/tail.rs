//! Follows the stream of all events, once per host, and hands each on inside the process.
//!
//! Whoever subscribes first and reads a job's state afterwards misses nothing. The place reached is remembered over
//! reconnections; when entries were trimmed meanwhile, or a listener is too slow, listeners are told that there is a gap.

use std::sync::Arc;
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::streams::{StreamId, StreamReadReply};
use image2model_domain::{FileId, JobId};
use tokio::sync::broadcast;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{RedisError, Store};

/// How long one read waits for news before it asks again; also what a dead connection costs at most.
const BLOCK: Duration = Duration::from_secs(5);
/// Entries per read.
const BATCH: usize = 512;
/// How far a listener may fall behind before it is told of a gap.
const CAPACITY: usize = 4096;
/// Entries kept of the stream, as the scripts keep it.
const MOST_ENTRIES: u32 = 20_000;
/// The fields of entries that are no events.
const KNOCK: &str = "knock";
const REVOKED: &str = "revoked";
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// One event of one job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TailEvent {
    /// Whose it is.
    pub job: JobId,
    /// Its id in the job's own stream, which is the id of the server-sent event.
    pub id: String,
    /// The event as JSON.
    pub data: String,
}

/// What a subscriber receives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TailMessage {
    /// One event.
    Event(Arc<TailEvent>),
    /// There is news of a file that no record tells: FAL says that its request has ended.
    Knock(FileId),
    /// The key of this caller, as the guard names them, is not good any more.
    Revoked(String),
    /// Some events may be missing: read the jobs' own streams again. (`RecvError::Lagged` means the same.)
    Gap,
}

/// The running follower; it stops when the last clone is dropped.
#[derive(Debug, Clone)]
pub struct Tail {
    sender: broadcast::Sender<TailMessage>,
    _stop: Arc<DropGuard>,
}

impl Tail {
    /// Starts to follow from now on.
    ///
    /// # Errors
    /// [`RedisError`] when the present end of the stream cannot be read.
    pub async fn start(store: &Store) -> Result<Self, RedisError> {
        let last = end_of_stream(store).await?;
        let (sender, _) = broadcast::channel(CAPACITY);
        let stop = CancellationToken::new();
        let follower = Follower { store: store.clone(), sender: sender.clone(), last };
        tokio::spawn(stop.clone().run_until_cancelled_owned(follower.run()));
        Ok(Self { sender, _stop: Arc::new(stop.drop_guard()) })
    }

    /// Everything that happens from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<TailMessage> {
        self.sender.subscribe()
    }
}

/// Tells every host's subscribers that there is news of a file.
///
/// # Errors
/// [`RedisError`].
pub async fn knock(store: &Store, file: &FileId) -> Result<(), RedisError> {
    let mut command = ::redis::cmd("XADD");
    command.arg(store.keys().events()).arg("MAXLEN").arg("~").arg(MOST_ENTRIES).arg("*").arg(KNOCK).arg(file.as_str());
    store.query(&command).await
}

struct Follower {
    store: Store,
    sender: broadcast::Sender<TailMessage>,
    /// Id of the last entry handed on.
    last: String,
}

impl Follower {
    async fn run(mut self) {
        loop {
            let Err(error) = self.follow().await;
            tracing::warn!(error = %error, code = error.code(), "lost the stream of events, reconnecting");
            tokio::time::sleep(RETRY_AFTER).await;
        }
    }

    async fn follow(&mut self) -> Result<std::convert::Infallible, RedisError> {
        let mut connection = self.store.blocking_connection(BLOCK).await?;
        self.look_for_gap(&mut connection).await?;
        loop {
            let reply: Option<StreamReadReply> = self.read_command().query_async(&mut connection).await?;
            for entry in reply.into_iter().flat_map(|r| r.keys).flat_map(|k| k.ids) {
                self.hand_on(entry);
            }
        }
    }

    fn read_command(&self) -> ::redis::Cmd {
        let mut command = ::redis::cmd("XREAD");
        command.arg("COUNT").arg(BATCH).arg("BLOCK").arg(u64::try_from(BLOCK.as_millis()).unwrap_or(u64::MAX));
        command.arg("STREAMS").arg(self.store.keys().events()).arg(&self.last);
        command
    }

    fn hand_on(&mut self, entry: StreamId) {
        let field = |name: &str| entry.get::<String>(name).unwrap_or_default();
        let message = if let Ok(job) = JobId::parse(&field("job")) {
            TailMessage::Event(Arc::new(TailEvent { job, id: field("id"), data: field("data") }))
        } else if let Ok(file) = FileId::parse(&field(KNOCK)) {
            TailMessage::Knock(file)
        } else if entry.contains_key(REVOKED) {
            TailMessage::Revoked(field(REVOKED))
        } else {
            return self.last = entry.id;
        };
        // Nobody listening is no error.
        let _ = self.sender.send(message);
        self.last = entry.id;
    }

    /// After a reconnection: entries trimmed beyond our place, or a Redis that lost its data, mean a gap.
    async fn look_for_gap(&mut self, connection: &mut MultiplexedConnection) -> Result<(), RedisError> {
        let key = self.store.keys().events();
        let first = edge_of(::redis::cmd("XRANGE").arg(&key).arg("-").arg("+"), connection).await?;
        let end = edge_of(::redis::cmd("XREVRANGE").arg(&key).arg("+").arg("-"), connection).await?;
        let behind = order(&end) < order(&self.last);
        if behind || (self.last != START && order(&first) > order(&self.last)) {
            if behind {
                self.last = START.to_owned();
            }
            let _ = self.sender.send(TailMessage::Gap);
        }
        Ok(())
    }
}

const START: &str = "0-0";

async fn edge_of(command: &mut ::redis::Cmd, connection: &mut MultiplexedConnection) -> Result<String, RedisError> {
    let reply: ::redis::streams::StreamRangeReply = command.arg("COUNT").arg(1).query_async(connection).await?;
    Ok(reply.ids.into_iter().next().map_or_else(|| START.to_owned(), |entry| entry.id))
}

async fn end_of_stream(store: &Store) -> Result<String, RedisError> {
    let mut command = ::redis::cmd("XREVRANGE");
    command.arg(store.keys().events()).arg("+").arg("-").arg("COUNT").arg(1);
    let reply: ::redis::streams::StreamRangeReply = store.query(&command).await?;
    Ok(reply.ids.into_iter().next().map_or_else(|| START.to_owned(), |entry| entry.id))
}

/// Stream ids compare by milliseconds, then by sequence.
fn order(id: &str) -> (u64, u64) {
    let (ms, seq) = id.split_once('-').unwrap_or((id, "0"));
    (ms.parse().unwrap_or_default(), seq.parse().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_compare_as_numbers() {
        assert!(order("9-0") < order("10-0"));
        assert!(order("10-9") < order("10-10"));
        assert_eq!(order(START), (0, 0));
    }
}
