//! What one instance has the host carry for it at a time: the commands that wait for their answers, and values that it has
//! not taken yet. Its own memory does not bound them, for it can send the same of it, or ask for it, any number of times.

use std::sync::Arc;

use redis::{Arg, Cmd};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// What the component is told.
pub(super) const TOO_MUCH: &str = "too much is on its way at once: wait for answers";

/// See the module.
#[derive(Clone)]
pub(crate) struct Carried {
    room: Arc<Semaphore>,
    /// For what may be large, and whose size shows only when it has come.
    turn: Arc<Semaphore>,
}

impl Carried {
    /// So many bytes at most.
    pub fn new(most: usize) -> Self {
        let room = Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
        Self { room, turn: Arc::new(Semaphore::new(1)) }
    }

    /// Room for a command, held until it is answered; none while too much is on its way.
    pub fn take(&self, command: &Cmd) -> Option<SemaphorePermit<'_>> {
        let size = |argument: Arg<&[u8]>| if let Arg::Simple(bytes) = argument { bytes.len() } else { 0 };
        let bytes: usize = command.args_iter().map(size).sum();
        self.room.try_acquire_many(u32::try_from(bytes).ok()?).ok()
    }

    /// Comes when nothing else of that kind is on its way, for as long as it is held.
    pub async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.turn.acquire().await.ok()
    }

    /// Room for so many bytes, for as long as it is held.
    pub fn keep(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        self.room.clone().try_acquire_many_owned(u32::try_from(bytes).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_its_way_is_bounded_and_makes_room_when_it_is_answered() {
        let carried = Carried::new(20);
        let command = redis::cmd("SET").arg("key").arg("value").take();
        let first = carried.take(&command).unwrap();
        assert!(carried.take(&command).is_none(), "22 bytes");
        drop(first);
        assert!(carried.take(&command).is_some());
    }
}
