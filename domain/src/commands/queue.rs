//! The queues as a whole: how they stand, pausing, resuming.

use super::breaker::{Breaker, BreakerKind};
use super::script;
use crate::keys::Keyspace;
use crate::queue::Queue;
use crate::script::{Arg, Call, Command, Replies, UnexpectedReply};

/// How one queue stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueState {
    /// Which.
    pub queue: Queue,
    /// Nothing is taken from it since then, ms since 1970.
    pub paused_since: Option<i64>,
    /// Files that wait.
    pub waiting: u64,
    /// How long the first of them has waited, ms.
    pub longest_wait_ms: u64,
    /// Files that workers hold.
    pub running: u64,
    /// Files to be tried again later.
    pub delayed: u64,
}

/// How all queues stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueStates {
    /// Files that failed for good and can be replayed.
    pub dead: u64,
    /// Requests at the provider that no file has a use for and that are still to be cancelled.
    pub orphans: u64,
    /// What holds submits back, while something does.
    pub breaker: Option<Breaker>,
    /// Every queue.
    pub queues: Vec<QueueState>,
}

/// Looks at the queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadQueues;

fn count(replies: &mut Replies) -> Result<u64, UnexpectedReply> {
    Ok(u64::try_from(replies.int()?).unwrap_or_default())
}

impl Command for ReadQueues {
    type Reply = QueueStates;

    fn call(&self, keys: &Keyspace) -> Call {
        Call::new(script!("read_queues", [queue]), keys, [])
    }

    fn read(&self, mut replies: Replies) -> Result<QueueStates, UnexpectedReply> {
        let (dead, orphans) = (count(&mut replies)?, count(&mut replies)?);
        let (kind, since, left_ms, half_open) =
            (replies.text()?, replies.int()?, count(&mut replies)?, replies.int()? == 1);
        let breaker = BreakerKind::parse(&kind).map(|kind| Breaker { kind, since, left_ms, half_open });
        let mut queues = Vec::new();
        while !replies.is_empty() {
            let name = replies.text()?;
            let queue = Queue::parse(&name).ok_or_else(|| replies.unexpected(format!("there is no queue {name:?}")))?;
            let since = replies.int()?;
            queues.push(QueueState {
                queue,
                paused_since: (since > 0).then_some(since),
                waiting: count(&mut replies)?,
                longest_wait_ms: count(&mut replies)?,
                running: count(&mut replies)?,
                delayed: count(&mut replies)?,
            });
        }
        Ok(QueueStates { dead, orphans, breaker, queues })
    }
}

/// Stops taking files from a queue, or starts again. What runs goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PauseQueue {
    /// Which.
    pub queue: Queue,
    /// Whether it is to stand still.
    pub pause: bool,
}

/// What came of [`PauseQueue`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paused {
    /// It stands still since then, ms since 1970.
    pub since: Option<i64>,
    /// It was otherwise before.
    pub changed: bool,
}

impl Command for PauseQueue {
    type Reply = Paused;

    fn call(&self, keys: &Keyspace) -> Call {
        Call::new(script!("pause_queue", [queue]), keys, [Arg::from(self.queue.as_str()), self.pause.into()])
    }

    fn read(&self, mut replies: Replies) -> Result<Paused, UnexpectedReply> {
        let since = replies.int()?;
        Ok(Paused { since: (since > 0).then_some(since), changed: replies.int()? == 1 })
    }
}

/// Forgets a file that failed for good; the file and its job stay as they are. Answers whether there was one of that id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForgetDeadLetter<'a>(pub &'a str);

impl Command for ForgetDeadLetter<'_> {
    type Reply = bool;

    fn call(&self, keys: &Keyspace) -> Call {
        Call::new(script!("forget_dead_letter"), keys, [Arg::from(self.0)])
    }

    fn read(&self, mut replies: Replies) -> Result<bool, UnexpectedReply> {
        Ok(replies.int()? == 1)
    }
}

/// Asks whether one more file finds room in line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HasRoom<'a> {
    /// Whose.
    pub tenant: &'a str,
    /// So many may wait; of a tenant that has little waiting some more.
    pub max_waiting: u64,
}

impl Command for HasRoom<'_> {
    type Reply = bool;

    fn call(&self, keys: &Keyspace) -> Call {
        Call::new(script!("has_room", [queue]), keys, [Arg::from(self.tenant), self.max_waiting.into()])
    }

    fn read(&self, mut replies: Replies) -> Result<bool, UnexpectedReply> {
        Ok(replies.int()? == 1)
    }
}
