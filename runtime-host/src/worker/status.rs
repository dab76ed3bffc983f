//! What the rest of the process, and operators, may know of a worker.

use super::breaker::BreakerState;
use super::insight::HistoryView;

/// How a worker stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerStatus {
    /// Its id.
    pub id: String,
    /// Files it drives.
    pub running: usize,
    /// Whether FAL accepts the account.
    pub breaker: BreakerState,
    /// Whether FAL answered when it was last asked; `None` before the first time.
    pub reachable: Option<bool>,
    /// What FAL's request history is known to show.
    pub history: HistoryView,
    /// When it was started, ms since 1970.
    pub started_at: i64,
}
