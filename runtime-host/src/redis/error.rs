//! What can go wrong between the host and Redis, sorted by what a caller can do about it.

use image2model_domain::script::UnexpectedReply;

/// Codes of a Redis that answers but takes no writes for now: the append-only file cannot be written (the disk is full),
/// memory is used up, too few replicas follow, or a script runs for too long. Nothing of the call was done.
const REFUSING: [&str; 4] = ["MISCONF", "OOM", "NOREPLICAS", "BUSY"];

/// A failed call to Redis.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum RedisError {
    /// The address cannot be read. The address itself is left out: it may hold a password.
    #[error("the Redis address is not valid: expected redis://[user:password@]host:port[/database]")]
    Address,
    /// Redis does not answer, or takes nothing: not there, restarting, loading its data, failing over, moving our keys to
    /// another node, full, or too slow.
    #[error("Redis does not answer: {0}")]
    Unavailable(String),
    /// Redis answered with an error.
    #[error("Redis refused: {0}")]
    Refused(String),
    /// It is done, but too few replicas have it: a failover may forget it.
    #[error("Redis has it on {acknowledged} of {wanted} replicas only")]
    NotReplicated {
        /// So many replicas have it.
        acknowledged: u32,
        /// So many should.
        wanted: u32,
    },
    /// A script answered something else than it promises.
    #[error(transparent)]
    Reply(#[from] UnexpectedReply),
}

impl RedisError {
    /// Stable name for logs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Address => "REDIS_ADDRESS",
            Self::Unavailable(_) => "REDIS_UNAVAILABLE",
            Self::Refused(_) => "REDIS_REFUSED",
            Self::NotReplicated { .. } => "REDIS_NOT_REPLICATED",
            Self::Reply(_) => "REDIS_UNEXPECTED_REPLY",
        }
    }

    /// The HTTP status for a caller whose request met this.
    #[must_use]
    pub fn status(&self) -> u16 {
        if self.is_retryable() { 503 } else { 500 }
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::NotReplicated { .. })
    }

    /// Label for counting.
    #[must_use]
    pub fn metric_label(&self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Unavailable(_) => "unavailable",
            Self::Refused(_) => "refused",
            Self::NotReplicated { .. } => "not_replicated",
            Self::Reply(_) => "unexpected_reply",
        }
    }
}

impl From<::redis::RedisError> for RedisError {
    fn from(error: ::redis::RedisError) -> Self {
        use ::redis::{ErrorKind, ServerErrorKind as Server};
        let passing = match error.kind() {
            ErrorKind::Server(
                Server::BusyLoading
                | Server::TryAgain
                | Server::MasterDown
                | Server::ClusterDown
                | Server::ReadOnly
                | Server::Moved
                | Server::Ask,
            ) => true,
            _ => error.code().is_some_and(|code| REFUSING.contains(&code)),
        };
        if error.kind() == ErrorKind::InvalidClientConfig {
            Self::Address
        } else if passing || error.is_io_error() || error.is_timeout() || error.is_connection_dropped() {
            Self::Unavailable(error.to_string())
        } else {
            Self::Refused(error.to_string())
        }
    }
}
