//! The provider's request id is recorded, the moment it is known.

use super::script;
use super::step::Holding;
use crate::keys::Keyspace;
use crate::script::{Arg, Call, Command, Replies, UnexpectedReply};

/// Records the provider's request id, even after the lease was lost while the submit was under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bind<'a> {
    /// The file, and proof that it is or was held.
    pub holding: &'a Holding,
    /// The id.
    pub request_id: &'a str,
    /// What [`Intend`](super::Intend) announced, or where the request that was found has its image.
    pub image_url: &'a str,
    /// Found in the provider's history rather than answered to the submit.
    pub reconciled: bool,
}

/// What became of the id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BindOutcome {
    /// Recorded: follow the request.
    Done,
    /// The file has another request, or was cancelled: cancel this one at the provider.
    Orphan,
    /// Somebody else holds the file, or will; the id is recorded if there was a use for it. Stop.
    LeaseLost,
    /// There is no such file any more: cancel the request at the provider.
    Gone,
}

impl Command for Bind<'_> {
    type Reply = BindOutcome;

    fn call(&self, keys: &Keyspace) -> Call {
        let Holding { job, file, fence } = self.holding;
        let how = if self.reconciled { "reconciled" } else { "submitted" };
        let args = [
            Arg::from(job.as_str()),
            file.as_str().into(),
            fence.into(),
            self.request_id.into(),
            how.into(),
            self.image_url.into(),
        ];
        Call::new(script!("bind", [queue]), keys, args)
    }

    fn read(&self, mut replies: Replies) -> Result<BindOutcome, UnexpectedReply> {
        match replies.text()?.as_str() {
            "ok" => Ok(BindOutcome::Done),
            "orphan" => Ok(BindOutcome::Orphan),
            "stale" => Ok(BindOutcome::LeaseLost),
            "gone" => Ok(BindOutcome::Gone),
            other => Err(replies.unexpected(format!("unknown outcome {other:?}"))),
        }
    }
}
