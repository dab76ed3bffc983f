//! What bounds the worker.

use std::time::Duration;

use image2model_domain::time::millis;
use url::Url;

/// What to do when a submit's answer was lost and FAL's history does not know the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UncertainSubmits {
    /// The file fails; nothing is ever paid twice.
    #[default]
    Fail,
    /// One new request is sent; at most one is paid in vain.
    ResubmitOnce,
}

/// Settings of a [`Worker`](super::Worker). Durations of polling are of the real platform; [`WorkerConfig::pace`] scales
/// the estimate of progress only.
#[derive(Debug, Clone)]
pub struct WorkerConfig {
    /// Names this process in Redis.
    pub id: String,
    /// Machine it runs on, shown to operators.
    pub host: String,
    /// What the heartbeat says of FAL: `live` or `simulator`.
    pub fal_mode: String,
    /// Files this worker drives at once.
    pub max_in_flight: u32,
    /// Files running at once, over all workers.
    pub max_running: u32,
    /// Files of one tenant running at once.
    pub max_running_per_tenant: u32,
    /// Submits per [`WorkerConfig::submit_window`], over all workers.
    pub submits_per_window: u32,
    /// See [`WorkerConfig::submits_per_window`].
    pub submit_window: Duration,
    /// How long a file is held without a sign of life. Half of it is the time for which a submit is announced.
    pub lease: Duration,
    /// Longest sleep of the claim loop when nobody wakes it.
    pub longest_idle: Duration,
    /// How long a model may take, from when the file is first taken up: then its request is cancelled and the file fails.
    pub deadline: Duration,
    /// How long it may take before its owner is told that it takes longer than usual.
    pub soft_deadline: Duration,
    /// Status polls: the pace of the first [`WorkerConfig::poll_quickly_for`].
    pub poll_quick: Duration,
    /// Status polls: the pace afterwards.
    pub poll_slow: Duration,
    /// See [`WorkerConfig::poll_quick`].
    pub poll_quickly_for: Duration,
    /// Tries of a submit that was surely refused for the moment (busy, no connection), before the attempt fails.
    pub submit_tries: u32,
    /// Delay before the first retry of anything; grows from there.
    pub retry_first: Duration,
    /// No retry waits longer, unless the other side asks for it.
    pub retry_longest: Duration,
    /// How long a request whose submit was not answered is looked for.
    pub reconcile_for: Duration,
    /// What to do when it is not found.
    pub uncertain_submits: UncertainSubmits,
    /// How long after a submit can have arrived a history that lists unfinished requests must still not have it, to be
    /// believed.
    pub history_slack: Duration,
    /// Base of the address at which FAL is to tell that a request has ended; without one it is only asked.
    pub webhook_url: Option<Url>,
    /// Whether Redis may have lost its last writes when another process of it answers: not the private one, which syncs each.
    /// It may still have been restored from a copy, so FAL's history is asked even then, but its first "no" is believed.
    pub redis_forgets: bool,
    /// Requests cost nothing and do not outlive the process that makes models, as in the simulator: one that is not known
    /// any more is sent again.
    pub unpaid: bool,
    /// Whether results are stored here, or left at the provider.
    pub keep_results: bool,
    /// Tries of fetching and storing one file of a result.
    pub store_tries: u32,
    /// First pause of all submits after the account was refused or FAL was away; doubles up to twenty times that, or four.
    pub breaker_pause: Duration,
    /// Files in a row for which FAL must have been away before all are held back.
    pub outage_after: u32,
    /// How long a file waits for a worker that knows its model before it is offered again.
    pub unknown_model_pause: Duration,
    /// How long the unknown request of a cancelled file is looked for before the file is let go and others go on.
    pub orphan_look_for: Duration,
    /// Between two looks for requests that nobody needs, and before the first.
    pub orphan_pause: Duration,
    /// How long a step waits for a Redis that is away.
    pub redis_patience: Duration,
    /// How long a stopping worker waits for its tasks.
    pub grace: Duration,
    /// How many times faster than the real platform models are made: 1, or the simulator's speed.
    pub pace: f64,
}

impl WorkerConfig {
    /// The defaults, for a worker of this name on this machine.
    #[must_use]
    pub fn new(id: impl Into<String>, host: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            host: host.into(),
            fal_mode: "live".to_owned(),
            max_in_flight: 100,
            max_running: 100,
            max_running_per_tenant: 50,
            submits_per_window: 100,
            submit_window: Duration::from_secs(60),
            lease: Duration::from_secs(15),
            longest_idle: Duration::from_secs(5),
            deadline: Duration::from_secs(30 * 60),
            soft_deadline: Duration::from_secs(25 * 60),
            poll_quick: Duration::from_secs(1),
            poll_slow: Duration::from_secs(2),
            poll_quickly_for: Duration::from_secs(10),
            submit_tries: 5,
            retry_first: Duration::from_secs(1),
            retry_longest: Duration::from_secs(30),
            reconcile_for: Duration::from_secs(120),
            uncertain_submits: UncertainSubmits::default(),
            history_slack: Duration::from_secs(10),
            webhook_url: None,
            redis_forgets: true,
            unpaid: false,
            keep_results: true,
            store_tries: 6,
            breaker_pause: Duration::from_secs(30),
            outage_after: 3,
            unknown_model_pause: Duration::from_secs(30),
            orphan_look_for: Duration::from_secs(30),
            orphan_pause: Duration::from_secs(10),
            redis_patience: Duration::from_secs(10 * 60),
            grace: Duration::from_secs(20),
            pace: 1.0,
        }
    }

    /// The lease as scripts take it.
    pub(super) fn lease_ms(&self) -> u32 {
        millis(self.lease)
    }
}
