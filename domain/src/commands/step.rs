//! The steps of a file that a worker holds. Each is fenced: a worker that lost its lease changes nothing.

use super::script;
use crate::ids::{FileId, JobId};
use crate::keys::Keyspace;
use crate::script::{Arg, Call, Command, Replies, UnexpectedReply};
use crate::state::FileStatus;

/// A file under lease.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Holding {
    /// The job.
    pub job: JobId,
    /// The file.
    pub file: FileId,
    /// Grows with every claim; only the newest is good.
    pub fence: String,
}

/// What came of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepOutcome {
    /// Done.
    Done,
    /// Done, and the job ended with it.
    JobEnded,
    /// The attempt is over and another will follow.
    WillRetry,
    /// Not done: the caller wants the file stopped.
    CancelRequested,
    /// Not done: somebody else holds the file now. Stop, and send nothing.
    LeaseLost,
    /// Not done: the file has ended or is gone. Stop.
    Gone,
}

fn outcome(mut replies: Replies) -> Result<StepOutcome, UnexpectedReply> {
    match replies.text()?.as_str() {
        "ok" => Ok(StepOutcome::Done),
        "ended" => Ok(StepOutcome::JobEnded),
        "retry" => Ok(StepOutcome::WillRetry),
        "cancelled" => Ok(StepOutcome::CancelRequested),
        "stale" => Ok(StepOutcome::LeaseLost),
        "gone" => Ok(StepOutcome::Gone),
        other => Err(replies.unexpected(format!("unknown outcome {other:?}"))),
    }
}

macro_rules! step {
    ($(#[$doc:meta])* $name:ident as $script:literal, [$($prelude:ident),*] { $($(#[$field_doc:meta])* $field:ident: $type:ty),* $(,)? } |$s:ident| [$($arg:expr),* $(,)?]) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name<'a> {
            /// The file, and proof that it is held.
            pub holding: &'a Holding,
            $($(#[$field_doc])* pub $field: $type,)*
        }

        impl Command for $name<'_> {
            type Reply = StepOutcome;

            fn call(&self, keys: &Keyspace) -> Call {
                let $s = self;
                let args = [
                    Arg::from($s.holding.job.as_str()),
                    Arg::from($s.holding.file.as_str()),
                    Arg::from(&$s.holding.fence),
                    $(Arg::from($arg),)*
                ];
                Call::new(script!($script, [$($prelude),*]), keys, args)
            }

            fn read(&self, replies: Replies) -> Result<StepOutcome, UnexpectedReply> {
                outcome(replies)
            }
        }
    };
}

step! {
    /// Records how far the file is, and extends the lease. Unchanged state makes no event.
    Progress as "progress", [queue] {
        /// Extends the lease by this.
        lease_ms: u32,
        /// The state to show.
        status: FileStatus,
        /// Percent; never goes backwards, 99 at most.
        percent: u8,
        /// A sentence on what is going on.
        message: &'a str,
        /// Requests ahead at the provider.
        queue_position: Option<u32>,
    } |s| [s.lease_ms, s.status.as_str(), u32::from(s.percent), s.message, s.queue_position.map_or_else(String::new, |p| p.to_string())]
}

step! {
    /// Extends the lease.
    Heartbeat as "heartbeat", [queue] {
        /// Extends the lease by this.
        lease_ms: u32,
    } |s| [s.lease_ms]
}

step! {
    /// Passes one of the provider's log lines on to listeners.
    Log as "log", [queue] {
        /// `INFO`, `ERROR`, …
        level: &'a str,
        /// The line.
        message: &'a str,
        /// When the provider wrote it.
        timestamp: &'a str,
    } |s| [s.level, s.message, s.timestamp]
}

step! {
    /// What [`Intend`](super::Intend) announced was surely not accepted. Heard of a worker that lost its lease too.
    Withdraw as "withdraw", [queue] {
        /// What was announced.
        image_url: &'a str,
    } |s| [s.image_url]
}

step! {
    /// The attempt failed. A file that its caller wants stopped is cancelled instead, unless its request has to be first:
    /// [`StepOutcome::CancelRequested`] then, and nothing is done.
    Fail as "fail", [queue, ending] {
        /// Stable code.
        code: &'a str,
        /// A sentence for the client.
        message: &'a str,
        /// Whether the client may hope for more from trying again.
        retryable: bool,
        /// Try again after this; `None` gives up.
        retry_in_ms: Option<u32>,
        /// The provider is surely done with the request: trying again later sends a new one. Else that one is followed.
        resolved: bool,
        /// The next attempt sends a new request although this one may be paid for, as policy allows once.
        resubmit: bool,
        /// What it cost all the same, in millionths of a dollar.
        cost_micro_usd: u64,
    } |s| [s.code, s.message, s.retryable, s.retry_in_ms.map_or(-1_i64, i64::from), !s.resolved, s.resubmit, s.cost_micro_usd]
}

step! {
    /// Hands the file back, its request id kept; another worker is woken.
    Release as "release", [queue, ending] {} |s| []
}

step! {
    /// Lets the file go for a time, with its request: nothing is wrong with it, and no attempt is counted.
    Park as "park", [queue, ending] {
        /// It is not taken up before.
        delay_ms: u32,
        /// A sentence on why it waits.
        message: &'a str,
        /// Its deadline begins anew: what it waits for is not for it to bear.
        deadline_anew: bool,
    } |s| [s.delay_ms, s.message, s.deadline_anew]
}

step! {
    /// The file was stopped because its caller asked for it.
    Cancelled as "cancelled", [queue, ending] {
        /// The request that it has or may have at the provider was not looked after: it is left for others to cancel.
        leave_request: bool,
    } |s| [s.leave_request]
}

/// The model is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complete<'a> {
    /// The file, and proof that it is held.
    pub holding: &'a Holding,
    /// Fields of the file's record: `model_url`, `model_blob`, `model_name`, `model_size`, `model_content_type`,
    /// `alternates` (a JSON list of [`Alternate`](crate::record::Alternate)), `preview_url`, `preview_blob`,
    /// `preview_content_type`, …
    pub fields: Vec<(&'static str, String)>,
    /// What it cost, in millionths of a dollar.
    pub cost_micro_usd: u64,
}

impl Command for Complete<'_> {
    type Reply = StepOutcome;

    fn call(&self, keys: &Keyspace) -> Call {
        let Holding { job, file, fence } = self.holding;
        let mut args = vec![Arg::from(job.as_str()), file.as_str().into(), fence.into()];
        args.extend([Arg::from(self.cost_micro_usd), self.fields.len().into()]);
        for (name, value) in &self.fields {
            args.extend([Arg::from(*name), Arg::from(value)]);
        }
        Call::new(script!("complete", [queue, ending]), keys, args)
    }

    fn read(&self, replies: Replies) -> Result<StepOutcome, UnexpectedReply> {
        outcome(replies)
    }
}
