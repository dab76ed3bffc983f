//! Every transition and look, one command each: its arguments, typed, and its reply.
//!
//! `kit` (components) and `redis` (host) can send any [`Command`](crate::script::Command), so both sides run the same
//! scripts.

mod admit;
mod api_key;
mod bind;
mod breaker;
mod browser_session;
mod claim;
mod create_job;
mod generate;
mod intend;
mod job;
mod links;
mod list;
mod log;
mod maintenance;
mod orphan;
mod queue;
mod recall;
mod retry;
mod rollout;
mod step;
mod tally;
mod tenant;
mod webhook;

pub use admit::{Admit, Admitted, Allowance, AllowanceUse};
pub use api_key::{FindKey, IssueKey, KeyPage, ListKeys, RevokeKey};
pub use bind::{Bind, BindOutcome};
pub use breaker::{Breaker, BreakerKind, CloseBreaker, TripBreaker, Tripped};
pub use browser_session::{CloseSession, FindSession, FoundSession, OpenSession};
pub use claim::{Claim, Claimed, ClaimedFile};
pub use create_job::{CreateJob, CreateOutcome, Created, NewFile};
pub use generate::{GenerateFile, GenerateOutcome, Generating, Webhook};
pub use intend::{Intend, IntendAnswer, Intended, LookedUp};
pub use job::{CancelFile, CancelJob, CancelOutcome, DeleteJob, DeleteOutcome, EraseJob, EraseOutcome, ReadJob};
pub use links::{CountLinks, WithdrawLinks};
pub use list::{JobPage, JobPlace, JobSummary, ListJobs};
pub use log::{AppendLog, ExpireLogs, RotateLog, Rotated, TrimLog, Trimmed};
pub use maintenance::{FinishMaintenance, Maintenance, TakeMaintenance};
pub use orphan::{AddOrphan, Orphan, OrphanNext, SettleOrphan, TakeOrphans};
pub use queue::{ForgetDeadLetter, HasRoom, PauseQueue, Paused, QueueState, QueueStates, ReadQueues};
pub use recall::{Recall, Recalled};
pub use retry::{Restart, RetryFiles, RetryOutcome};
pub use rollout::{KeepComponentPiece, NameComponent, ReadRollouts, SetRollout};
pub use step::{Cancelled, Complete, Fail, Heartbeat, Holding, Log, Park, Progress, Release, StepOutcome, Withdraw};
pub use tally::Tally;
pub use tenant::{ReadTenants, SetTenant, Tenant};
pub use webhook::{KeepWebhookBody, SettleWebhook, TakeWebhooks, WebhookDelivery, WebhookNext};

/// A script's source: what all share, the preludes it names in their order, and the body of that name. Redis makes every
/// function anew at each call, so a script names what it needs and no more (`tests/preludes.rs`).
macro_rules! script {
    ($name:literal) => { script!($name, []) };
    ($name:literal, [$($prelude:ident),*]) => {{
        static SCRIPT: $crate::script::Script = $crate::script::Script::new(
            $name,
            concat!(
                include_str!("../scripts/prelude.lua"),
                $(include_str!(concat!("../scripts/prelude_", stringify!($prelude), ".lua")),)*
                include_str!(concat!("../scripts/", $name, ".lua")),
            ),
        );
        &SCRIPT
    }};
}
pub(crate) use script;
