//! A worker as a machine of single steps, each one command to Redis or one call of FAL, as the host's worker takes them. The
//! scheduler may leave it standing between any two for as long as it likes, or forget it.

use image2model_domain::commands::{
    AddOrphan, Bind, BindOutcome, Breaker, BreakerKind, Cancelled, Claim, Complete, Fail, Heartbeat, Holding, Intend,
    IntendAnswer, LookedUp, Park, Progress, ReadJob, ReadQueues, Release, StepOutcome, TripBreaker, Withdraw,
};
use image2model_domain::{FileId, FileStatus};

use crate::fal::{Answer, Fate, HISTORY_LAG, Status};
use crate::world::World;

pub const LEASE: u32 = 10_000;
pub const WINDOW: u32 = 10_000;
pub const WINDOW_SIZE: u32 = 6;
/// How long a request is looked for before its submit counts as not accepted.
const LOOK_FOR: i64 = HISTORY_LAG + 500;

/// Where a worker stands.
#[derive(Debug, Clone)]
pub enum At {
    Idle,
    /// Holds a file and knows nothing of it yet.
    Taken(Holding),
    /// The image is at FAL.
    Uploaded(Holding, String, Option<i64>),
    /// Redis may have forgotten a request.
    Doubting(Holding, String, i64),
    /// Announced at this time; nothing sent yet.
    Announced(Holding, String, i64),
    Answered(Holding, String, Answer),
    /// A submit without an answer is looked for, since when.
    Reconciling(Holding, String, i64),
    Knows(Holding, String, String, bool),
    Refused(Holding, String, bool),
    Following(Holding, String),
    /// Something of it may have to be stopped at FAL: the request, or whatever was given this image.
    Stopping(Holding, Option<String>, Option<String>, i64),
    Stopped(Holding),
    /// A request that no file has a use for.
    Orphaned(String),
    Failing(Holding, Failing),
}

#[derive(Debug, Clone, Copy)]
pub struct Failing {
    code: &'static str,
    retry_in: Option<u32>,
    resolved: bool,
    resubmit: bool,
}

pub struct Worker {
    pub name: String,
    pub at: At,
    /// Tells the images of its attempts apart.
    uploads: u32,
}

impl Worker {
    pub fn new(name: String) -> Self {
        Self { name, at: At::Idle, uploads: 0 }
    }

    /// The file it believes to hold.
    pub fn holding(&self) -> Option<&Holding> {
        match &self.at {
            At::Idle | At::Orphaned(_) => None,
            At::Taken(h)
            | At::Uploaded(h, ..)
            | At::Doubting(h, ..)
            | At::Announced(h, ..)
            | At::Answered(h, ..)
            | At::Reconciling(h, ..)
            | At::Knows(h, ..)
            | At::Refused(h, ..)
            | At::Following(h, _)
            | At::Stopping(h, ..)
            | At::Stopped(h)
            | At::Failing(h, _) => Some(h),
        }
    }

    /// A sign of life, as it comes beside everything else.
    pub fn beat(&mut self, world: &mut World<'_>) {
        let Some(holding) = self.holding().cloned() else { return };
        let outcome = world.run(&Heartbeat { holding: &holding, lease_ms: LEASE });
        // Nothing may come between a submit and the record of its answer; all else is left.
        if !matches!(self.at, At::Announced(..) | At::Answered(..) | At::Knows(..) | At::Refused(..)) {
            self.heed(world, &holding, outcome);
        }
    }

    /// Lets go of the file, as a worker that stops does.
    pub fn hand_back(&mut self, world: &mut World<'_>) {
        let free = matches!(self.at, At::Taken(_) | At::Uploaded(..) | At::Reconciling(..) | At::Following(..));
        let Some(holding) = self.holding().cloned().filter(|_| free) else { return };
        if world.dice.percent(50) {
            world.run(&Release { holding: &holding });
        } else {
            world.run(&Park { holding: &holding, delay_ms: 4000, message: "Later", deadline_anew: false });
        }
        self.at = At::Idle;
    }

    /// The next step.
    pub fn step(&mut self, world: &mut World<'_>) {
        self.at = match self.at.clone() {
            At::Idle => self.claim(world),
            At::Taken(h) => self.begin(world, h),
            At::Uploaded(h, url, looked_up) => self.announce(world, h, url, looked_up),
            At::Doubting(h, url, since) => doubt(world, h, url, since),
            At::Announced(h, url, at) => submit(world, h, url, at),
            At::Answered(h, url, answer) => match answer {
                Answer::Accepted(id) => At::Knows(h, url, id, false),
                Answer::Busy => At::Refused(h, url, false),
                Answer::Account => At::Refused(h, url, true),
                Answer::Lost => At::Reconciling(h, url, world.now),
            },
            At::Reconciling(h, url, since) => self.reconcile(world, h, url, since),
            At::Knows(h, url, id, reconciled) => bind(world, h, &url, id, reconciled),
            At::Refused(h, url, account) => self.withdraw(world, h, &url, account),
            At::Following(h, id) => self.follow(world, h, id),
            At::Stopping(h, id, url, since) => stop(world, h, id, url, since),
            At::Stopped(h) => {
                world.run(&Cancelled { holding: &h, leave_request: false });
                At::Idle
            }
            At::Orphaned(id) => {
                world.fal.cancel(&id, world.now);
                At::Idle
            }
            At::Failing(h, failing) => fail(world, h, failing),
        };
    }

    fn claim(&mut self, world: &mut World<'_>) -> At {
        let claim = Claim {
            worker: self.name.clone(),
            lease_ms: LEASE,
            max_running: 5,
            max_running_per_tenant: 3,
            window_size: WINDOW_SIZE,
            window_ms: WINDOW,
            wanted: 1,
        };
        let claimed = world.run(&claim);
        assert_eq!(claimed.now_ms, world.now);
        claimed.files.into_iter().next().map_or(At::Idle, |file| At::Taken(file.holding))
    }

    fn begin(&mut self, world: &mut World<'_>, h: Holding) -> At {
        let Some(job) = world.run(&ReadJob(&h.job)) else { return At::Idle };
        let Some(file) = job.file(&h.file) else { return At::Idle };
        if job.cancel_requested {
            return At::Stopping(h, file.fal_request_id.clone(), file.intent.clone(), world.now);
        }
        match (&file.fal_request_id, &file.intent) {
            (Some(id), _) => At::Following(h, id.clone()),
            (None, Some(url)) => At::Reconciling(h, url.clone(), world.now),
            (None, None) => self.upload(h),
        }
    }

    fn upload(&mut self, h: Holding) -> At {
        self.uploads += 1;
        let url = format!("{}/{}", self.name, self.uploads);
        At::Uploaded(h, url, None)
    }

    fn announce(&mut self, world: &mut World<'_>, h: Holding, url: String, looked_up: Option<i64>) -> At {
        let asked_at = world.now;
        let (lease_ms, window_size, window_ms) = (LEASE, WINDOW_SIZE, WINDOW);
        let looked = looked_up.map(|since| LookedUp { since, sure: true });
        let intend =
            Intend { holding: &h, image_url: &url, endpoint: "e", lease_ms, window_size, window_ms, looked_up: looked };
        match world.run(&intend).answer {
            IntendAnswer::Go => {
                world.go(&h.file);
                At::Announced(h, url, asked_at)
            }
            IntendAnswer::Wait(ms) => {
                assert!(ms > 0 && ms <= u64::from(WINDOW));
                At::Uploaded(h, url, looked_up)
            }
            IntendAnswer::HeldBack(ms) => {
                let delay_ms = u32::try_from(ms).unwrap();
                if world.dice.percent(50) {
                    return At::Uploaded(h, url, looked_up);
                }
                world.run(&Park { holding: &h, delay_ms, message: "Held back", deadline_anew: false });
                At::Idle
            }
            IntendAnswer::Doubt { since } => At::Doubting(h, url, since),
            IntendAnswer::Bound { request_id } => At::Following(h, request_id),
            IntendAnswer::CancelRequested => At::Stopping(h, None, None, world.now),
            IntendAnswer::LeaseLost | IntendAnswer::Gone => At::Idle,
        }
    }

    fn reconcile(&mut self, world: &mut World<'_>, h: Holding, url: String, since: i64) -> At {
        let Some(job) = world.run(&ReadJob(&h.job)) else { return At::Idle };
        let bound = job.file(&h.file).and_then(|file| file.fal_request_id.clone());
        if let Some(id) = bound {
            return At::Following(h, id);
        }
        let found = world.fal.look_up(h.file.as_str(), Some(&url), world.now);
        let id = found.map(|found| found.map(|request| request.id.clone()));
        match id {
            Ok(Some(id)) => At::Knows(h, url, id, true),
            _ if world.now < since + LOOK_FOR => self.waiting(world, &h, At::Reconciling(h.clone(), url, since)),
            // The history is sure: nothing was accepted, and nothing will be.
            Ok(None) => At::Refused(h, url, false),
            Err(()) => {
                let again = world.resubmits && !job.file(&h.file).is_some_and(|file| file.resubmitted);
                let retry_in = again.then_some(0);
                At::Failing(h, Failing { code: "SUBMIT_UNCERTAIN", retry_in, resolved: false, resubmit: again })
            }
        }
    }

    fn withdraw(&mut self, world: &mut World<'_>, h: Holding, url: &str, account: bool) -> At {
        match world.run(&Withdraw { holding: &h, image_url: url }) {
            StepOutcome::Done => {}
            StepOutcome::CancelRequested => return At::Stopping(h, None, None, world.now),
            _ => return At::Idle,
        }
        if account {
            let (kind, pause_ms, longest_ms) = (BreakerKind::Account, 2000, 8000);
            world.run(&TripBreaker { kind, pause_ms, longest_ms, by_submit: true });
            world.run(&Park { holding: &h, delay_ms: 2000, message: "The account is refused", deadline_anew: true });
            return At::Idle;
        }
        if world.dice.percent(50) {
            return self.upload(h);
        }
        At::Failing(h, Failing { code: "BUSY", retry_in: Some(1000), resolved: false, resubmit: false })
    }

    fn follow(&mut self, world: &mut World<'_>, h: Holding, id: String) -> At {
        let status = match world.fal.status(&id, world.now) {
            Status::Ended(Fate::Model) => {
                let fields = vec![("model_url", format!("https://fal/{id}.glb"))];
                world.run(&Complete { holding: &h, fields, cost_micro_usd: 200_000 });
                return At::Idle;
            }
            Status::Ended(_) => {
                let failing = Failing { code: "PROVIDER_ERROR", retry_in: Some(500), resolved: true, resubmit: false };
                return At::Failing(h, failing);
            }
            Status::Queued => FileStatus::QueuedAtProvider,
            Status::Running => FileStatus::Processing,
        };
        let percent = u8::try_from(world.dice.below(100)).unwrap();
        let (lease_ms, message, queue_position) = (LEASE, "Under way", None);
        let outcome = world.run(&Progress { holding: &h, lease_ms, status, percent, message, queue_position });
        self.at = At::Following(h.clone(), id);
        self.heed(world, &h, outcome);
        self.at.clone()
    }

    /// Stays, with a sign of life.
    fn waiting(&mut self, world: &mut World<'_>, h: &Holding, at: At) -> At {
        let outcome = world.run(&Heartbeat { holding: h, lease_ms: LEASE });
        self.at = at;
        self.heed(world, h, outcome);
        self.at.clone()
    }

    fn heed(&mut self, world: &World<'_>, h: &Holding, outcome: StepOutcome) {
        match outcome {
            StepOutcome::CancelRequested => {
                self.at = match self.at.clone() {
                    stopping @ (At::Stopping(..) | At::Stopped(_) | At::Failing(..)) => stopping,
                    At::Following(h, id) => At::Stopping(h, Some(id), None, world.now),
                    At::Reconciling(h, url, _) => At::Stopping(h, None, Some(url), world.now),
                    // What another one may have asked for is in the record.
                    At::Taken(h) => At::Taken(h),
                    _ => At::Stopping(h.clone(), None, None, world.now),
                }
            }
            StepOutcome::LeaseLost | StepOutcome::Gone => self.at = At::Idle,
            _ => {}
        }
    }
}

/// A request of the file may have been forgotten, and who sent it may still be about to: it is looked for when that is over.
fn doubt(world: &mut World<'_>, h: Holding, url: String, since: i64) -> At {
    if world.now < since + i64::from(LEASE) / 2 + HISTORY_LAG {
        return match world.run(&Heartbeat { holding: &h, lease_ms: LEASE }) {
            StepOutcome::Done => At::Doubting(h, url, since),
            StepOutcome::CancelRequested => At::Stopping(h, None, None, world.now),
            _ => At::Idle,
        };
    }
    let found = world.fal.look_up(h.file.as_str(), None, world.now).expect("seeds that fail over can see");
    match found {
        Some(request) => At::Knows(h, request.url.clone(), request.id.clone(), true),
        None => At::Uploaded(h, url, Some(since)),
    }
}

/// Nothing leaves once half the lease is over: by then another may be about to take over.
fn submit(world: &mut World<'_>, h: Holding, url: String, announced_at: i64) -> At {
    if world.now - announced_at > i64::from(LEASE) / 2 {
        return At::Refused(h, url, false);
    }
    let answer = world.fal.submit(h.file.as_str(), &url, world.now, &mut world.dice);
    At::Answered(h, url, answer)
}

fn bind(world: &mut World<'_>, h: Holding, url: &str, id: String, reconciled: bool) -> At {
    match world.run(&Bind { holding: &h, request_id: &id, image_url: url, reconciled }) {
        BindOutcome::Done => At::Following(h, id),
        BindOutcome::Orphan | BindOutcome::Gone => At::Orphaned(id),
        BindOutcome::LeaseLost => At::Idle,
    }
}

fn stop(world: &mut World<'_>, h: Holding, id: Option<String>, url: Option<String>, since: i64) -> At {
    // A zombie must not cancel what its successor follows.
    if !matches!(
        world.run(&Heartbeat { holding: &h, lease_ms: LEASE }),
        StepOutcome::Done | StepOutcome::CancelRequested
    ) {
        return At::Idle;
    }
    let (Some(url), None) = (&url, &id) else {
        if let Some(id) = id {
            world.fal.cancel(&id, world.now);
        }
        return At::Stopped(h);
    };
    let found = world.fal.look_up(h.file.as_str(), Some(url), world.now);
    let found = found.map(|found| found.map(|request| request.id.clone()));
    match found {
        Ok(Some(id)) => At::Stopping(h, Some(id), None, since),
        _ if world.now < since + LOOK_FOR => At::Stopping(h, None, Some(url.clone()), since),
        _ => {
            let (job, file): (&str, &str) = (h.job.as_str(), h.file.as_str());
            let (endpoint, request_id, image_url) = ("tripo", None, Some(url.as_str()));
            let (intended_at, delay_ms, told) = (since, 1000, false);
            world.run(&AddOrphan { endpoint, request_id, image_url, job, file, intended_at, delay_ms, told });
            At::Stopped(h)
        }
    }
}

fn fail(world: &mut World<'_>, h: Holding, failing: Failing) -> At {
    let Failing { code, retry_in: retry_in_ms, resolved, resubmit } = failing;
    let (message, retryable, cost_micro_usd) = ("It failed", true, 0);
    let fail = Fail { holding: &h, code, message, retryable, retry_in_ms, resolved, resubmit, cost_micro_usd };
    match world.run(&fail) {
        StepOutcome::CancelRequested => At::Taken(h),
        _ => At::Idle,
    }
}

/// What holds submits back, while something does.
pub fn breaker(world: &mut World<'_>) -> Option<Breaker> {
    world.run(&ReadQueues).breaker
}

/// Names a file shortly, for the trace.
pub fn short(file: &FileId) -> &str {
    file.as_str().get(..6).unwrap_or_default()
}
