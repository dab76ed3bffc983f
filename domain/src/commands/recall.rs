//! What was made under an idempotency key (`scripts/recall.lua`).

use super::script;
use crate::ids::JobId;
use crate::keys::Keyspace;
use crate::script::{Arg, Call, Command, Replies, UnexpectedReply};

/// Asks what a caller made under a key; `None` when the key is free. What it answers may be gone a moment later, but is not
/// made anew under the same key as long as it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recall<'a> {
    /// Whose key.
    pub tenant: &'a str,
    /// The key.
    pub key: &'a str,
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recalled {
    /// The job.
    pub job: JobId,
    /// A digest of what was asked for.
    pub digest: String,
    /// A model was generated; otherwise the job was uploaded.
    pub generated: bool,
    /// When the job was made, ms since 1970.
    pub created_at_ms: i64,
}

impl Command for Recall<'_> {
    type Reply = Option<Recalled>;

    fn call(&self, keys: &Keyspace) -> Call {
        Call::new(script!("recall", [queue, ending]), keys, [Arg::from(self.tenant), self.key.into()])
    }

    fn read(&self, mut replies: Replies) -> Result<Option<Recalled>, UnexpectedReply> {
        if replies.is_empty() {
            return Ok(None);
        }
        let job = replies.text()?;
        let job = JobId::parse(&job).map_err(|_| replies.unexpected("a job id was expected"))?;
        let (digest, generated) = (replies.text()?, replies.int()? == 1);
        Ok(Some(Recalled { job, digest, generated, created_at_ms: replies.int()? }))
    }
}
