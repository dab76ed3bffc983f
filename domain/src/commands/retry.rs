//! Failed files are put in line anew: by their owner (`POST /jobs/{job_id}/retry`), or by an operator who replays a dead
//! letter.

use super::script;
use crate::ids::{FileId, JobId};
use crate::keys::Keyspace;
use crate::script::{Arg, Call, Command, Replies, UnexpectedReply};

/// Puts failed files of one job in line anew: all that are asked for, or none.
///
/// Their attempts are granted anew, their errors are cleared, a job that had ended is `processing` again and kept, and an
/// event tells so. A file's progress starts from 0 under the next value of `restarts`. A request at the provider that may
/// still run, or whose model may still be had, is followed; nothing is submitted in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryFiles<'a> {
    /// Which job.
    pub job: &'a JobId,
    /// Which of its files; `None` for every one that failed. An empty list chooses none.
    pub files: Option<&'a [FileId]>,
    /// Refuse when more files than this would wait; `None` for no bound.
    pub max_waiting: Option<u64>,
    /// The request that asks for it: repeated after its answer was lost, it is answered as before.
    pub request_id: &'a str,
}

/// What becomes of a file that was put in line anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restart {
    /// A new request will be sent.
    Requeued,
    /// Its request at the provider will be followed.
    Resumed,
}

/// What came of [`RetryFiles`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RetryOutcome {
    /// These files are in line.
    Queued(Vec<(FileId, Restart)>),
    /// There is no such job.
    NotFound,
    /// Its owner cancelled the job as a whole, or erased it; its images are gone.
    JobCancelled,
    /// Its owner cancelled the job, and it has not ended yet.
    JobEnding,
    /// No file of it has failed.
    NothingFailed,
    /// Too many files are waiting.
    QueueFull,
    /// The job has no such file.
    UnknownFile(FileId),
    /// This file has not failed, or was named twice.
    NotFailed(FileId),
}

impl Command for RetryFiles<'_> {
    type Reply = RetryOutcome;

    fn call(&self, keys: &Keyspace) -> Call {
        let most = self.max_waiting.map_or_else(|| Arg::from(""), Arg::from);
        let which = if self.files.is_some() { "these" } else { "all" };
        let files = self.files.unwrap_or_default().iter().map(|file| Arg::from(file.as_str()));
        let args = [Arg::from(self.job.as_str()), most, self.request_id.into(), which.into()].into_iter().chain(files);
        Call::new(script!("retry_files", [queue, ending]), keys, args)
    }

    fn read(&self, mut replies: Replies) -> Result<RetryOutcome, UnexpectedReply> {
        let word = replies.text()?;
        let file = |replies: &mut Replies| -> Result<FileId, UnexpectedReply> {
            let text = replies.text()?;
            FileId::parse(&text).map_err(|_| replies.unexpected("a file id was expected"))
        };
        Ok(match word.as_str() {
            "ok" => {
                let mut queued = Vec::new();
                while !replies.is_empty() {
                    queued.push((file(&mut replies)?, restart(&mut replies)?));
                }
                RetryOutcome::Queued(queued)
            }
            "not_found" => RetryOutcome::NotFound,
            "cancelled" => RetryOutcome::JobCancelled,
            "ending" => RetryOutcome::JobEnding,
            "nothing_failed" => RetryOutcome::NothingFailed,
            "queue_full" => RetryOutcome::QueueFull,
            "unknown_file" => RetryOutcome::UnknownFile(file(&mut replies)?),
            "not_failed" => RetryOutcome::NotFailed(file(&mut replies)?),
            other => return Err(replies.unexpected(format!("unknown outcome {other:?}"))),
        })
    }
}

fn restart(replies: &mut Replies) -> Result<Restart, UnexpectedReply> {
    match replies.text()?.as_str() {
        "requeued" => Ok(Restart::Requeued),
        "resumed" => Ok(Restart::Resumed),
        other => Err(replies.unexpected(format!("unknown way to restart {other:?}"))),
    }
}
