//! The breaker, one for all workers: it holds submits back while the provider refuses the account or does not answer.

use super::script;
use crate::keys::Keyspace;
use crate::script::{Arg, Call, Command, Replies, UnexpectedReply};

/// Why submits are held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerKind {
    /// The provider refuses the key or the balance.
    Account,
    /// The provider does not answer, or answers with errors of its own.
    Outage,
}

impl BreakerKind {
    /// Reads a name; `None` for any other text.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Account, Self::Outage].into_iter().find(|kind| kind.as_str() == name)
    }

    /// The name stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Outage => "outage",
        }
    }
}

/// How an open breaker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Breaker {
    /// Why it is open.
    pub kind: BreakerKind,
    /// Since when, ms since 1970.
    pub since: i64,
    /// What is left of its pause.
    pub left_ms: u64,
    /// The pause is over: one submit is let through at a time, until one is accepted.
    pub half_open: bool,
}

/// Opens the breaker, or keeps it open after a probe was refused: each further pause is twice as long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TripBreaker {
    /// Why.
    pub kind: BreakerKind,
    /// The first pause.
    pub pause_ms: u32,
    /// The longest.
    pub longest_ms: u32,
    /// A submit was refused: then only an accepted one closes it.
    pub by_submit: bool,
}

/// The reply to [`TripBreaker`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tripped {
    /// Why it is open.
    pub kind: BreakerKind,
    /// What is left of its pause.
    pub left_ms: u64,
    /// This call began a pause.
    pub changed: bool,
}

impl Command for TripBreaker {
    type Reply = Tripped;

    fn call(&self, keys: &Keyspace) -> Call {
        let Self { kind, pause_ms, longest_ms, by_submit } = *self;
        let args = [Arg::from(kind.as_str()), pause_ms.into(), longest_ms.into(), by_submit.into()];
        Call::new(script!("trip_breaker", [queue]), keys, args)
    }

    fn read(&self, mut replies: Replies) -> Result<Tripped, UnexpectedReply> {
        let kind = replies.text()?;
        let kind = BreakerKind::parse(&kind).ok_or_else(|| replies.unexpected(format!("unknown kind {kind:?}")))?;
        let left_ms = u64::try_from(replies.int()?).unwrap_or_default();
        Ok(Tripped { kind, left_ms, changed: replies.int()? == 1 })
    }
}

/// Closes the breaker; answers whether that is a change. An accepted submit closes it by itself ([`Bind`](super::Bind)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CloseBreaker {
    /// An operator's word: closes it at once, whatever opened it. Else it closes only after its pause, and only when no
    /// refused submit opened it.
    pub force: bool,
}

impl Command for CloseBreaker {
    type Reply = bool;

    fn call(&self, keys: &Keyspace) -> Call {
        Call::new(script!("close_breaker", [queue]), keys, [self.force.into()])
    }

    fn read(&self, mut replies: Replies) -> Result<bool, UnexpectedReply> {
        Ok(replies.int()? == 1)
    }
}
