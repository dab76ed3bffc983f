//! Pages of jobs, newest first.

use super::script;
use crate::file_name::in_any_case;
use crate::ids::{FileId, JobId};
use crate::keys::Keyspace;
use crate::script::{Arg, Call, Command, Replies, UnexpectedReply};
use crate::state::JobStatus;

/// A job's place in the order. Jobs made meanwhile come before it, so pages neither repeat nor hide any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobPlace {
    /// Milliseconds since 1970.
    pub made_ms: i64,
    /// The job.
    pub job: JobId,
}

impl JobPlace {
    /// Reads a cursor.
    #[must_use]
    pub fn parse(cursor: &str) -> Option<Self> {
        let (made, job) = cursor.split_once('.')?;
        let made_ms = made.parse().ok().filter(|ms| (0..1 << 53).contains(ms))?;
        Some(Self { made_ms, job: JobId::parse(job).ok()? })
    }

    /// As clients send it back.
    #[must_use]
    pub fn cursor(&self) -> String {
        format!("{}.{}", self.made_ms, self.job)
    }
}

/// Looks for jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListJobs<'a> {
    /// Whose; `None` for everybody's.
    pub tenant: Option<&'a str>,
    /// At most so many.
    pub limit: u32,
    /// Look at no more than so many; a filter may leave fewer than `limit` of them.
    pub looks: u32,
    /// Only those with this status.
    pub status: Option<JobStatus>,
    /// Only those with a file whose name contains this, in any case.
    pub file_name: Option<&'a str>,
    /// Only those after this one.
    pub after: Option<&'a JobPlace>,
}

/// One job of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobSummary {
    /// Its id.
    pub id: JobId,
    /// Whose it is.
    pub tenant: String,
    /// How it stands.
    pub status: JobStatus,
    /// Files in all.
    pub total: u32,
    /// Files with a model.
    pub completed: u32,
    /// Files that failed.
    pub failed: u32,
    /// Files that were cancelled.
    pub cancelled: u32,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// Milliseconds since 1970.
    pub updated_at: i64,
    /// Milliseconds since 1970, once it has ended.
    pub ended_at: Option<i64>,
    /// Chosen provider.
    pub model: String,
    /// Name of its first file.
    pub first_file: String,
    /// The first few of its files whose images are kept, for a list to show.
    pub pictured: Vec<FileId>,
}

/// The reply to [`ListJobs`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobPage {
    /// Newest first.
    pub jobs: Vec<JobSummary>,
    /// Where to go on; `None` at the end of the list.
    pub next: Option<JobPlace>,
}

impl Command for ListJobs<'_> {
    type Reply = JobPage;

    fn call(&self, keys: &Keyspace) -> Call {
        let (made, job) = self.after.map_or((Arg::from(""), ""), |place| (place.made_ms.into(), place.job.as_str()));
        let args = [
            Arg::from(self.tenant.unwrap_or_default()),
            self.limit.into(),
            self.looks.into(),
            self.status.map_or("", JobStatus::as_str).into(),
            in_any_case(self.file_name.unwrap_or_default()).into(),
            made,
            job.into(),
        ];
        Call::new(script!("list_jobs"), keys, args)
    }

    fn read(&self, mut replies: Replies) -> Result<JobPage, UnexpectedReply> {
        let (made, last) = (replies.text()?, replies.text()?);
        let next = if made.is_empty() { None } else { Some(format!("{made}.{last}")) };
        let next =
            next.map(|cursor| JobPlace::parse(&cursor).ok_or_else(|| replies.unexpected("a place was expected")));
        let next = next.transpose()?;
        let mut jobs = Vec::new();
        while !replies.is_empty() {
            jobs.push(summary(&mut replies)?);
        }
        Ok(JobPage { jobs, next })
    }
}

fn summary(replies: &mut Replies) -> Result<JobSummary, UnexpectedReply> {
    let (id, tenant, status) = (replies.text()?, replies.text()?, replies.text()?);
    let mut count = || replies.int().map(|n| u32::try_from(n).unwrap_or_default());
    let (total, completed, failed, cancelled) = (count()?, count()?, count()?, count()?);
    Ok(JobSummary {
        id: JobId::parse(&id).map_err(|_| replies.unexpected("a job id was expected"))?,
        tenant,
        status: JobStatus::parse(&status).ok_or_else(|| replies.unexpected("a job status was expected"))?,
        total,
        completed,
        failed,
        cancelled,
        created_at: replies.int()?,
        updated_at: replies.int()?,
        ended_at: replies.text()?.parse().ok(),
        model: replies.text()?,
        first_file: replies.text()?,
        pictured: replies.text()?.split_whitespace().filter_map(|file| FileId::parse(file).ok()).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_read_back() {
        let place = JobPlace { made_ms: 1_700_000_000_000, job: JobId::from_random([5; 16]) };
        assert_eq!(JobPlace::parse(&place.cursor()), Some(place));
        for bad in ["", "1", "1.2", "x.05050505050505050505050505050505", "-1.05050505050505050505050505050505"] {
            assert_eq!(JobPlace::parse(bad), None, "{bad}");
        }
    }
}
