//! The guard's one step: count a request and look up who owns the job it names.

use super::script;
use crate::ids::JobId;
use crate::keys::Keyspace;
use crate::script::{Arg, Call, Command, Replies, UnexpectedReply};

/// How many requests one caller may make in a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowance {
    /// Key of the counter, without the keyspace's prefix: `rate_limit:<caller>:minute`.
    pub key: String,
    /// Requests a window.
    pub limit: u32,
    /// Length of the window, which begins with its first request.
    pub window_ms: u32,
}

/// Counts a request against all of its allowances, or against none when one of them is used up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admit<'a> {
    /// What it counts against.
    pub allowances: &'a [Allowance],
    /// The job that the route names.
    pub job: Option<&'a JobId>,
}

/// How much of an allowance is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AllowanceUse {
    /// Requests of this window, this one included when it was let in.
    pub used: u32,
    /// Milliseconds until the window starts anew.
    pub reset_ms: u32,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    /// Every allowance had room.
    pub admitted: bool,
    /// SHA-256 of the owner's key in hex; empty when nobody owns the job or there is none.
    pub owner: String,
    /// There is such a job.
    pub job_known: bool,
    /// How often its shared links were withdrawn.
    pub links: u64,
    /// One for each allowance, in order.
    pub uses: Vec<AllowanceUse>,
}

impl Command for Admit<'_> {
    type Reply = Admitted;

    fn call(&self, keys: &Keyspace) -> Call {
        let mut args: Vec<Arg> = vec![self.job.map_or("", JobId::as_str).into(), self.allowances.len().into()];
        for allowance in self.allowances {
            args.extend([Arg::from(&allowance.key), allowance.limit.into(), allowance.window_ms.into()]);
        }
        Call::new(script!("admit"), keys, args)
    }

    fn read(&self, mut replies: Replies) -> Result<Admitted, UnexpectedReply> {
        let admitted = replies.int()? == 1;
        let owner = replies.text()?;
        let job_known = replies.int()? == 1;
        let links = u64::try_from(replies.int()?).unwrap_or_default();
        let mut number = || replies.int().map(|n| u32::try_from(n.max(0)).unwrap_or(u32::MAX));
        let uses = self
            .allowances
            .iter()
            .map(|_| Ok(AllowanceUse { used: number()?, reset_ms: number()? }))
            .collect::<Result<_, _>>()?;
        Ok(Admitted { admitted, owner, job_known, links, uses })
    }
}
