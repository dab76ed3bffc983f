//! Commands on a whole job.

use super::script;
use crate::ids::{FileId, JobId};
use crate::keys::Keyspace;
use crate::record::JobRecord;
use crate::script::{Arg, Call, Command, Replies, UnexpectedReply};

/// One consistent look at a job; `None` when there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadJob<'a>(pub &'a JobId);

impl Command for ReadJob<'_> {
    type Reply = Option<JobRecord>;

    fn call(&self, keys: &Keyspace) -> Call {
        Call::new(script!("read_job", [queue]), keys, [Arg::from(self.0.as_str())])
    }

    fn read(&self, replies: Replies) -> Result<Option<JobRecord>, UnexpectedReply> {
        JobRecord::read(replies)
    }
}

/// Stops a job: waiting files end at once, running ones are flagged for their workers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelJob<'a>(pub &'a JobId);

/// Stops one file of a job: at once while it waits, else its worker is told to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelFile<'a> {
    /// The job.
    pub job: &'a JobId,
    /// The file.
    pub file: &'a FileId,
}

/// What came of [`CancelJob`] or [`CancelFile`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelOutcome {
    /// It will stop, or has.
    Accepted {
        /// Files that ended at once.
        cancelled: u32,
        /// Files that their workers will stop.
        running: u32,
    },
    /// It had ended before.
    AlreadyEnded,
    /// There is no such job or file.
    NotFound,
}

impl Command for CancelJob<'_> {
    type Reply = CancelOutcome;

    fn call(&self, keys: &Keyspace) -> Call {
        Call::new(script!("cancel_job", [queue, ending]), keys, [Arg::from(self.0.as_str())])
    }

    fn read(&self, replies: Replies) -> Result<CancelOutcome, UnexpectedReply> {
        cancelled(replies)
    }
}

impl Command for CancelFile<'_> {
    type Reply = CancelOutcome;

    fn call(&self, keys: &Keyspace) -> Call {
        Call::new(
            script!("cancel_file", [queue, ending]),
            keys,
            [Arg::from(self.job.as_str()), self.file.as_str().into()],
        )
    }

    fn read(&self, replies: Replies) -> Result<CancelOutcome, UnexpectedReply> {
        cancelled(replies)
    }
}

/// Files cancelled at once, and files still running.
fn counts(replies: &mut Replies) -> Result<(u32, u32), UnexpectedReply> {
    let mut count = || replies.int().map(|n| u32::try_from(n).unwrap_or_default());
    Ok((count()?, count()?))
}

fn cancelled(mut replies: Replies) -> Result<CancelOutcome, UnexpectedReply> {
    let word = replies.text()?;
    let (cancelled, running) = counts(&mut replies)?;
    match word.as_str() {
        "not_found" => Ok(CancelOutcome::NotFound),
        "ended" if cancelled == 0 => Ok(CancelOutcome::AlreadyEnded),
        "ok" | "ended" => Ok(CancelOutcome::Accepted { cancelled, running }),
        other => Err(replies.unexpected(format!("unknown outcome {other:?}"))),
    }
}

/// Removes a job with its images and models at its owner's word; one that has not ended is cancelled first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EraseJob<'a>(pub &'a JobId);

/// What came of [`EraseJob`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EraseOutcome {
    /// It is gone.
    Erased,
    /// It is gone as soon as its last file has ended.
    Ending {
        /// Files that ended at once.
        cancelled: u32,
        /// Files that their workers will stop.
        running: u32,
    },
    /// There is no such job.
    NotFound,
}

impl Command for EraseJob<'_> {
    type Reply = EraseOutcome;

    fn call(&self, keys: &Keyspace) -> Call {
        Call::new(script!("erase_job", [queue, ending]), keys, [Arg::from(self.0.as_str())])
    }

    fn read(&self, mut replies: Replies) -> Result<EraseOutcome, UnexpectedReply> {
        let word = replies.text()?;
        let (cancelled, running) = counts(&mut replies)?;
        match word.as_str() {
            "erased" => Ok(EraseOutcome::Erased),
            "ending" => Ok(EraseOutcome::Ending { cancelled, running }),
            "not_found" => Ok(EraseOutcome::NotFound),
            other => Err(replies.unexpected(format!("unknown outcome {other:?}"))),
        }
    }
}

/// Forgets a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteJob<'a> {
    /// Which.
    pub job: &'a JobId,
    /// Even if it has not ended.
    pub force: bool,
}

/// What came of [`DeleteJob`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeleteOutcome {
    /// It is gone.
    Deleted,
    /// It has not ended, and force was not asked for.
    Running,
    /// There is no such job.
    NotFound,
}

impl Command for DeleteJob<'_> {
    type Reply = DeleteOutcome;

    fn call(&self, keys: &Keyspace) -> Call {
        Call::new(script!("delete_job", [queue, ending]), keys, [Arg::from(self.job.as_str()), self.force.into()])
    }

    fn read(&self, mut replies: Replies) -> Result<DeleteOutcome, UnexpectedReply> {
        match replies.text()?.as_str() {
            "ok" => Ok(DeleteOutcome::Deleted),
            "running" => Ok(DeleteOutcome::Running),
            "not_found" => Ok(DeleteOutcome::NotFound),
            other => Err(replies.unexpected(format!("unknown outcome {other:?}"))),
        }
    }
}
