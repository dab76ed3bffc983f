//! Signs of life: a record that runs out by itself, and a set of all that live, so that readers need not search.

use std::time::Duration;

use super::{RedisError, Store};
use crate::crash;

/// Between two signs of life.
pub const EVERY: Duration = Duration::from_secs(5);
/// How long one counts.
const GOOD_FOR: Duration = Duration::from_secs(16);

/// Where a process of some kind says that it lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignOfLife {
    /// Its name in `set`.
    pub id: String,
    /// Key of its record.
    pub record: String,
    /// Key of the sorted set of all of its kind, by when their records run out, ms by Redis' clock.
    pub set: String,
}

impl SignOfLife {
    /// Writes the record, and forgets those of its kind that ran out.
    ///
    /// # Errors
    /// [`RedisError`].
    pub async fn show(&self, store: &Store, record: &serde_json::Value) -> Result<(), RedisError> {
        let good_for = u64::try_from(GOOD_FOR.as_millis()).unwrap_or_default();
        let now = store.now_ms().await?;
        let until = now.saturating_add(i64::try_from(good_for).unwrap_or_default());
        let mut set = ::redis::cmd("SET");
        set.arg(&self.record).arg(record.to_string()).arg("PX").arg(good_for);
        store.query::<()>(&set).await?;
        store.query::<()>(::redis::cmd("ZADD").arg(&self.set).arg(until).arg(&self.id)).await?;
        store.query::<()>(::redis::cmd("ZREMRANGEBYSCORE").arg(&self.set).arg("-inf").arg(now)).await
    }

    /// Takes it back.
    ///
    /// # Errors
    /// [`RedisError`].
    pub async fn leave(&self, store: &Store) -> Result<(), RedisError> {
        store.query::<()>(::redis::cmd("ZREM").arg(&self.set).arg(&self.id)).await?;
        store.query::<()>(::redis::cmd("DEL").arg(&self.record)).await
    }
}

/// Milliseconds since 1970.
#[must_use]
pub fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX).saturating_add(crash::clock_offset_ms())
}
