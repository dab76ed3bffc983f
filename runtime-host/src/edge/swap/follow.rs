//! Keeps this host at what Redis says of each component, and tells Redis how far it is. One look at a counter every
//! `EVERY`; everything else only when something has changed. A Redis that is away changes nothing of what is served.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use image2model_domain::commands::ReadRollouts;
use image2model_domain::rollout::{Candidate, Reason, Release, Report, Rollout};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::fetch::{CosignKey, FetchError, Fetcher, Logins};
use super::prepare::Refusal;
use super::records::Records;
use super::{Rollouts, Switch};
use crate::edge::sources::Code;
use crate::redis::{RedisError, sign_of_life};

/// Between two looks.
const EVERY: Duration = Duration::from_millis(200);
/// Before something that could not be had is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(5);
/// How long after Redis has answered again everybody has given a sign of life twice.
const SIGNS_WITHIN: Duration = sign_of_life::EVERY.saturating_mul(2);

/// What following needs.
pub struct FollowOptions {
    /// The records.
    pub records: Records,
    /// Components must be signed with it.
    pub key: Option<CosignKey>,
    /// Who this host is to registries that want a password.
    pub logins: Logins,
}

/// See the module.
pub struct Follower {
    switch: Arc<Switch>,
    fetcher: Fetcher,
    options: FollowOptions,
    /// The counter when the records were read last.
    seen: Option<u64>,
    rollouts: Rollouts,
    /// What is being fetched, and for which component. A registry that is away holds up nothing else.
    fetching: HashMap<Release, (String, JoinHandle<Result<Code, FetchError>>)>,
    /// What is prepared or has been, by component.
    preparing: HashMap<String, (u64, Preparing)>,
    /// Something is not as it should be: when it is tried again.
    again: Option<Instant>,
    /// Redis was silent: until then it is not known who lives.
    blind_until: Option<Instant>,
}

enum Preparing {
    Running(JoinHandle<Report>),
    Ended(Report),
}

impl Follower {
    pub(in crate::edge) fn new(switch: Arc<Switch>, options: FollowOptions) -> Result<Self, FetchError> {
        let fetcher = Fetcher::new(Some(options.records.store.clone()), options.key.clone(), options.logins.clone())?;
        let (rollouts, fetching, preparing) = (Rollouts::new(), HashMap::new(), HashMap::new());
        Ok(Self { switch, fetcher, options, seen: None, rollouts, fetching, preparing, again: None, blind_until: None })
    }

    /// Gets this host where the fleet is, as far as that can be had, before it answers anybody.
    pub async fn catch_up(&mut self) {
        if let Err(error) = self.look(true).await {
            tracing::warn!(
                code = error.code(),
                "the components' records cannot be read; what the manifest names is served"
            );
        }
    }

    /// Follows until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.look(false).await {
                tracing::debug!(code = error.code(), "the components' records cannot be followed");
                // A Redis that takes over may lack the last change, and count another as the same.
                self.seen = None;
                self.blind_until = Some(Instant::now() + SIGNS_WITHIN);
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(EVERY) => {}
            }
        }
        self.fetching.into_values().for_each(|(_, task)| task.abort());
        self.preparing.into_values().for_each(|(_, preparing)| {
            if let Preparing::Running(task) = preparing {
                task.abort();
            }
        });
    }

    async fn look(&mut self, wait: bool) -> Result<(), RedisError> {
        let counter = redis::cmd("GET").arg(self.options.records.store.keys().component_changes()).to_owned();
        let changes: Option<u64> = self.options.records.store.query(&counter).await?;
        if changes != self.seen || self.again.is_some_and(|at| at <= Instant::now()) {
            let read = self.options.records.store.run(&ReadRollouts { component: None }).await?;
            self.rollouts = read.into_iter().collect();
            self.serve(wait).await;
            self.seen = changes;
        } else if self.fetching.values().any(|(_, task)| task.is_finished()) {
            self.serve(false).await;
        }
        self.prepare().await?;
        self.settle().await?;
        self.give_up().await
    }

    /// Serves what the records say, as far as it is there; what is not is fetched beside, or with `wait` first.
    async fn serve(&mut self, wait: bool) {
        for (id, release) in self.switch.missing(&self.rollouts) {
            let (fetcher, wanted) = (self.fetcher.clone(), release.clone());
            let begin = || (id, tokio::spawn(async move { fetcher.fetch(&wanted).await }));
            self.fetching.entry(release).or_insert_with(begin);
        }
        let mut whole = self.fetched(wait).await;
        let (switch, rollouts) = (self.switch.clone(), self.rollouts.clone());
        let errors = tokio::task::spawn_blocking(move || switch.apply(rollouts)).await;
        whole &= errors.is_ok();
        self.switch.ready_previous();
        for (id, error) in errors.into_iter().flatten() {
            tracing::error!(component = id, code = error.code(), kind = error.metric_label(), %error, "a release cannot be served; what is served goes on");
            whole = false;
        }
        self.again = (!whole).then(|| Instant::now() + AGAIN_AFTER);
    }

    /// Takes what has come. Whether all of that is of use.
    async fn fetched(&mut self, wait: bool) -> bool {
        let done = |task: &JoinHandle<_>| wait || task.is_finished();
        let ended: Vec<Release> =
            self.fetching.iter().filter(|(_, (_, task))| done(task)).map(|(release, _)| release.clone()).collect();
        let mut whole = true;
        for release in ended {
            let Some((id, task)) = self.fetching.remove(&release) else { continue };
            match task.await {
                Ok(Ok(code)) => self.switch.fetched(release, code),
                Ok(Err(error)) => {
                    let (code, kind, source) = (error.code(), error.metric_label(), &release.source);
                    tracing::error!(component = id, source, code, kind, %error, "a release cannot be had; what is served goes on");
                    whole = false;
                }
                Err(_) => whole = false,
            }
        }
        whole
    }

    /// Begins with new candidates, and tells of those that are ready or not.
    async fn prepare(&mut self) -> Result<(), RedisError> {
        let candidates: Vec<(String, Candidate)> =
            self.rollouts.iter().filter_map(|(id, rollout)| Some((id.clone(), rollout.candidate.clone()?))).collect();
        self.preparing.retain(|id, (change, _)| candidates.iter().any(|(of, c)| of == id && c.change == *change));
        let sees_everybody = self.sees_everybody();
        for (id, candidate) in candidates {
            if !self.preparing.contains_key(&id) {
                let (switch, fetcher) = (self.switch.clone(), self.fetcher.clone());
                let (of, wanted) = (id.clone(), candidate.clone());
                let task = tokio::spawn(async move { prepared(switch, fetcher, of, wanted).await });
                self.preparing.insert(id.clone(), (candidate.change, Preparing::Running(task)));
            }
            let Some((_, preparing)) = self.preparing.get_mut(&id) else { continue };
            if let Preparing::Running(task) = preparing
                && task.is_finished()
            {
                let broke_down = |_| Report::Failed { reasons: vec![Reason::new("PANIC", "preparing it broke down")] };
                *preparing = Preparing::Ended(task.await.unwrap_or_else(broke_down));
            }
            if let Preparing::Ended(report) = preparing
                && sees_everybody
                && candidate.reports.get(&self.options.records.host) != Some(report)
            {
                let report = report.clone();
                let (host, (now, alive)) = (self.options.records.host.clone(), self.alive().await?);
                self.write(&id, |rollout| rollout.report(candidate.change, &host, report.clone(), &alive, now)).await?;
            }
        }
        Ok(())
    }

    /// Ends candidates that wait for hosts which will not answer any more.
    async fn settle(&mut self) -> Result<(), RedisError> {
        let open: Vec<String> =
            self.rollouts.iter().filter(|(_, r)| r.candidate.is_some()).map(|(id, _)| id.clone()).collect();
        if open.is_empty() || !self.sees_everybody() {
            return Ok(());
        }
        let (now, alive) = self.alive().await?;
        for id in open {
            self.write(&id, |rollout| rollout.settle(&alive, now)).await?;
        }
        Ok(())
    }

    /// Ends trials that do worse than what is served.
    async fn give_up(&mut self) -> Result<(), RedisError> {
        for (id, release, code, message) in self.switch.worse() {
            let (reason, now) = (Reason::new(code, message), self.options.records.store.now_ms().await?);
            if self.write(&id, |rollout| rollout.give_up(&release, reason.clone(), now)).await? {
                tracing::warn!(component = id, reason = reason.message, "the canary was given up");
            }
        }
        Ok(())
    }

    /// Takes a step, writes it, and serves what came of it without waiting for the next look. Whether there was anything to
    /// write.
    async fn write(&mut self, id: &str, step: impl Fn(&mut Rollout) -> bool) -> Result<bool, RedisError> {
        let written = self.options.records.change(id, step).await?;
        let is_written = written.is_some();
        if let Some(rollout) = written {
            self.rollouts.insert(id.to_owned(), rollout);
            self.serve(false).await;
        }
        Ok(is_written)
    }

    /// Whether the signs of life can be believed: while Redis was silent nobody could give one, and whoever is not seen may
    /// still be preparing.
    fn sees_everybody(&self) -> bool {
        self.blind_until.is_none_or(|until| until <= Instant::now())
    }

    /// What time it is, and the hosts that live, by their ids: by Redis' clock, as a host whose own is wrong would not see
    /// the others.
    async fn alive(&self) -> Result<(i64, Vec<String>), RedisError> {
        let store = &self.options.records.store;
        let now = store.now_ms().await?;
        let mut living = redis::cmd("ZRANGEBYSCORE");
        living.arg(store.keys().hosts()).arg(now).arg("+inf");
        let mut alive: Vec<String> = store.query(&living).await?;
        // This one does, whatever became of its own sign.
        if !alive.contains(&self.options.records.host) {
            alive.push(self.options.records.host.clone());
        }
        Ok((now, alive))
    }
}

/// Fetches and prepares a candidate.
async fn prepared(switch: Arc<Switch>, fetcher: Fetcher, id: String, candidate: Candidate) -> Report {
    let release = candidate.release;
    if !release.is_manifest() {
        let code = match fetcher.fetch(&release).await {
            Ok(code) => code,
            Err(error) => return Report::Failed { reasons: vec![Reason::new(error.code(), error.to_string())] },
        };
        if let Err(refusal) = switch.prepare(&id, code.clone(), candidate.weight.is_some()).await {
            tracing::warn!(component = id, code = refusal.code(), error = %refusal, "a release was refused");
            return said(&refusal);
        }
        switch.fetched(release, code);
    }
    Report::Ready
}

fn said(refusal: &Refusal) -> Report {
    let reasons = match refusal {
        Refusal::World(differences) => {
            differences.iter().map(|difference| Reason::new("WORLD", difference.to_string())).collect()
        }
        other => vec![Reason::new(other.code(), other.to_string())],
    };
    if refusal.is_ours() { Report::Failed { reasons } } else { Report::Refused { reasons } }
}
