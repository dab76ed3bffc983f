//! The last step before money is spent: a submit is announced.

use super::script;
use super::step::Holding;
use crate::keys::Keyspace;
use crate::script::{Arg, Call, Command, Replies, UnexpectedReply};

/// Announces a submit, spends its place in the submission window and extends the lease. Only on [`IntendAnswer::Go`] may
/// anything be sent, and only while the lease surely lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intend<'a> {
    /// The file, and proof that it is held.
    pub holding: &'a Holding,
    /// Where the provider will find the image: unique to this attempt.
    pub image_url: &'a str,
    /// The provider's endpoint that it is sent to: where it is to be looked for, whatever is asked later.
    pub endpoint: &'a str,
    /// Extends the lease by this.
    pub lease_ms: u32,
    /// Submits per window, over all workers.
    pub window_size: u32,
    /// Length of that window.
    pub window_ms: u32,
    /// The doubt that was looked into since.
    pub looked_up: Option<LookedUp>,
}

/// A look for a request that Redis may have forgotten, after which one is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LookedUp {
    /// The doubt: `since` of [`IntendAnswer::Doubt`].
    pub since: i64,
    /// There surely is none. Else the one that is sent is counted as one that may be paid for in vain.
    pub sure: bool,
}

/// The reply to [`Intend`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intended {
    /// Redis' clock, ms since 1970.
    pub now_ms: i64,
    /// Whether to send.
    pub answer: IntendAnswer,
}

/// Whether a submit may be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IntendAnswer {
    /// It is announced: send it.
    Go,
    /// The window is full. Ask again after this many ms.
    Wait(u64),
    /// The breaker is open, or another file is its probe. Ask again after this many ms, or let the file go until then.
    HeldBack(u64),
    /// Another Redis took over, or this one was restarted, after the file was made: a request of it may have been forgotten.
    /// Look for one, then bind it or ask again with what came of it as `looked_up`.
    Doubt {
        /// Names the doubt: when it arose, ms since 1970.
        since: i64,
    },
    /// It has a request, recorded meanwhile by a worker that was slow: follow that one.
    Bound {
        /// The provider's id of it.
        request_id: String,
    },
    /// The caller wants the file stopped.
    CancelRequested,
    /// Somebody else holds the file now.
    LeaseLost,
    /// The file has ended or is gone.
    Gone,
}

impl Command for Intend<'_> {
    type Reply = Intended;

    fn call(&self, keys: &Keyspace) -> Call {
        let Holding { job, file, fence } = self.holding;
        let args = [
            Arg::from(job.as_str()),
            file.as_str().into(),
            fence.into(),
            self.image_url.into(),
            self.lease_ms.into(),
            self.window_size.into(),
            self.window_ms.into(),
            self.looked_up.map_or(0, |looked| looked.since).into(),
            self.looked_up.is_some_and(|looked| !looked.sure).into(),
            self.endpoint.into(),
        ];
        Call::new(script!("intend", [queue]), keys, args)
    }

    fn read(&self, mut replies: Replies) -> Result<Intended, UnexpectedReply> {
        let (word, now_ms) = (replies.text()?, replies.int()?);
        let mut ms = || Ok(u64::try_from(replies.int()?).unwrap_or_default());
        let answer = match word.as_str() {
            "ok" => IntendAnswer::Go,
            "wait" => IntendAnswer::Wait(ms()?),
            "held_back" => IntendAnswer::HeldBack(ms()?),
            "doubt" => IntendAnswer::Doubt { since: replies.int()? },
            "bound" => IntendAnswer::Bound { request_id: replies.text()? },
            "cancelled" => IntendAnswer::CancelRequested,
            "stale" => IntendAnswer::LeaseLost,
            "gone" => IntendAnswer::Gone,
            other => return Err(replies.unexpected(format!("unknown answer {other:?}"))),
        };
        Ok(Intended { now_ms, answer })
    }
}
