//! Which release of each component a fleet serves, which one it tries, and how a change comes about.
//!
//! The state of one component is one record in Redis that every host follows. It changes by the pure steps here, each
//! written only if nobody wrote in between (`commands::SetRollout`). A change begins as a *candidate*: every living host
//! fetches, checks and compiles it and says so; the last one to be ready makes it the release that is served, and the
//! first to refuse it ends it everywhere. What was served before is kept compiled, so that going back is instant.

mod release;
mod report;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::time::rfc3339;
pub use release::{BadRelease, LARGEST_COMPONENT, MANIFEST, Release, UPLOAD, is_digest};
pub use report::{Reason, Report};

/// A host that has not said anything of a candidate by then is not waited for, ms. What compiles comes after all else on a
/// machine: where everybody else wants every core it gets a tenth of one.
pub const PREPARED_WITHIN_MS: i64 = 600_000;

/// One component in the fleet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rollout {
    /// Grows with every change.
    pub revision: u64,
    /// What is served.
    pub current: Release,
    /// What was served before, and a rollback goes back to.
    pub previous: Option<Release>,
    /// What some callers are served.
    pub canary: Option<Canary>,
    /// What is being prepared.
    pub candidate: Option<Candidate>,
    /// How the last change ended.
    pub last: Option<Change>,
}

impl Default for Rollout {
    fn default() -> Self {
        let current = Release::manifest();
        Self { revision: 0, current, previous: None, canary: None, candidate: None, last: None }
    }
}

/// A release that is tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Canary {
    /// Which.
    pub release: Release,
    /// Of a hundred callers, so many are served it.
    pub weight: u32,
    /// Who began.
    pub by: String,
    /// When, RFC 3339.
    pub at: String,
}

/// A release that hosts prepare.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Which.
    pub release: Release,
    /// For so many of a hundred callers; for all of them when there is none.
    pub weight: Option<u32>,
    /// Who asked.
    pub by: String,
    /// When, ms since 1970.
    pub at_ms: i64,
    /// The revision that it was asked for with: names the change.
    pub change: u64,
    /// What hosts said, by their ids.
    #[serde(default)]
    pub reports: BTreeMap<String, Report>,
}

/// A change that has ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The revision that it was asked for with.
    pub change: u64,
    /// What was asked.
    pub action: Action,
    /// What came of it.
    pub outcome: Outcome,
    /// Who asked.
    pub by: String,
    /// When it ended, RFC 3339.
    pub at: String,
    /// What was served before.
    pub from: Release,
    /// What it was about.
    pub to: Release,
    /// Why it ended so, for the operator.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
}

/// What can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Serve another release.
    Swap,
    /// Serve it to some callers.
    Canary,
    /// Go back.
    Rollback,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All callers are served it.
    Serving,
    /// Some callers are served it.
    Trying,
    /// It does not fit; nothing changed.
    Refused,
    /// It could not be prepared everywhere; nothing changed.
    Failed,
    /// An operator went back.
    RolledBack,
    /// A host went back by itself, because the canary did worse.
    RolledBackByItself,
}

/// Why a step is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotNow {
    /// Another change is under way.
    #[error("Another change of this component is being prepared; wait for it, or end it with a rollback.")]
    Busy,
    /// There is no canary.
    #[error("No release is being tried, so there is none to serve to more or fewer callers.")]
    NoCanary,
    /// Whoever asks has not seen what was changed last.
    #[error("The component was changed in between; look at what is served now.")]
    Changed,
    /// There is nothing to go back to.
    #[error("There is nothing to go back to: no change is under way, and nothing else was served before.")]
    NothingBefore,
}

impl NotNow {
    /// The stable name.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Busy => "COMPONENT_BUSY",
            Self::NoCanary => "NO_CANARY",
            Self::Changed => "COMPONENT_CHANGED",
            Self::NothingBefore => "NOTHING_TO_ROLL_BACK",
        }
    }
}

impl Rollout {
    /// Asks for another release: for all callers, or with a weight for some of them. Answers the change's name.
    ///
    /// # Errors
    /// [`NotNow::Busy`].
    pub fn propose(&mut self, release: Release, weight: Option<u32>, by: &str, now_ms: i64) -> Result<u64, NotNow> {
        if self.candidate.is_some() {
            return Err(NotNow::Busy);
        }
        let (by, change) = (by.to_owned(), self.revision + 1);
        self.candidate = Some(Candidate { release, weight, by, at_ms: now_ms, change, reports: BTreeMap::new() });
        Ok(change)
    }

    /// A host says how far it is with the candidate of that change. `alive` are the hosts that serve or work. Whether
    /// anything is different now.
    pub fn report(&mut self, change: u64, host: &str, report: Report, alive: &[String], now_ms: i64) -> bool {
        let Some(candidate) = self.candidate.as_mut().filter(|candidate| candidate.change == change) else {
            return false;
        };
        let known = candidate.reports.insert(host.to_owned(), report.clone()) == Some(report);
        self.settle(alive, now_ms) || !known
    }

    /// Ends the candidate when nobody is to be waited for any more. Whether it did.
    pub fn settle(&mut self, alive: &[String], now_ms: i64) -> bool {
        let Some(candidate) = &self.candidate else { return false };
        let refusal = candidate.reports.values().find_map(|report| match report {
            Report::Refused { reasons } => Some((Outcome::Refused, reasons.clone())),
            Report::Failed { reasons } => Some((Outcome::Failed, reasons.clone())),
            Report::Ready => None,
        });
        let late = now_ms - candidate.at_ms >= PREPARED_WITHIN_MS;
        let silent: Vec<&String> = alive.iter().filter(|host| !candidate.reports.contains_key(*host)).collect();
        let (outcome, reasons) = match refusal {
            Some(refused) => refused,
            None if candidate.reports.is_empty() && !late => return false,
            None if silent.is_empty() => (Outcome::Serving, Vec::new()),
            None if late => {
                let (count, all, minutes) = (silent.len(), alive.len(), PREPARED_WITHIN_MS / 60_000);
                let message =
                    format!("{count} of {all} hosts did not say within {minutes} minutes whether they can serve it");
                (Outcome::Failed, vec![Reason::new("LATE", message)])
            }
            None => return false,
        };
        let Some(candidate) = self.candidate.take() else { return false };
        let (from, to) = (self.current.clone(), candidate.release.clone());
        let action = if candidate.weight.is_some() { Action::Canary } else { Action::Swap };
        let outcome = match (outcome, candidate.weight) {
            (Outcome::Serving, Some(weight)) => {
                let (by, at) = (candidate.by.clone(), rfc3339(now_ms));
                self.canary = Some(Canary { release: candidate.release, weight, by, at });
                Outcome::Trying
            }
            (Outcome::Serving, None) => {
                self.serve(candidate.release);
                Outcome::Serving
            }
            (other, _) => other,
        };
        let (change, by) = (candidate.change, candidate.by);
        self.last = Some(Change { change, action, outcome, by, at: rfc3339(now_ms), from, to, reasons });
        true
    }

    /// Serves the canary to another share of the callers.
    ///
    /// # Errors
    /// [`NotNow::NoCanary`], [`NotNow::Busy`].
    pub fn weigh(&mut self, weight: u32, by: &str, now_ms: i64) -> Result<u64, NotNow> {
        let Some(canary) = self.free()?.canary.as_mut() else { return Err(NotNow::NoCanary) };
        canary.weight = weight;
        let release = canary.release.clone();
        Ok(self.ended(Action::Canary, Outcome::Trying, by, now_ms, release, Vec::new()))
    }

    /// Serves the canary to all callers.
    ///
    /// # Errors
    /// [`NotNow::NoCanary`], [`NotNow::Busy`].
    pub fn promote(&mut self, by: &str, now_ms: i64) -> Result<u64, NotNow> {
        let Some(canary) = self.free()?.canary.take() else { return Err(NotNow::NoCanary) };
        let change = self.ended(Action::Swap, Outcome::Serving, by, now_ms, canary.release.clone(), Vec::new());
        self.serve(canary.release);
        Ok(change)
    }

    /// Goes back: ends what is prepared or tried, else serves again what was served before.
    ///
    /// # Errors
    /// [`NotNow::NothingBefore`].
    pub fn roll_back(&mut self, by: &str, now_ms: i64) -> Result<u64, NotNow> {
        let under_way = self.candidate.take().map(|candidate| candidate.release);
        let tried = if under_way.is_none() { self.canary.take().map(|canary| canary.release) } else { None };
        if under_way.is_some() || tried.is_some() {
            let to = self.current.clone();
            return Ok(self.ended(Action::Rollback, Outcome::RolledBack, by, now_ms, to, Vec::new()));
        }
        let back = self.previous.clone().ok_or(NotNow::NothingBefore)?;
        let change = self.ended(Action::Rollback, Outcome::RolledBack, by, now_ms, back.clone(), Vec::new());
        self.serve(back);
        Ok(change)
    }

    /// Goes back, if the last change that ended is still that one; 0 where none has.
    ///
    /// # Errors
    /// [`NotNow::Changed`], [`NotNow::NothingBefore`].
    pub fn roll_back_from(&mut self, last: u64, by: &str, now_ms: i64) -> Result<u64, NotNow> {
        if self.last.as_ref().map_or(0, |last| last.change) != last {
            return Err(NotNow::Changed);
        }
        self.roll_back(by, now_ms)
    }

    /// Ends the trial of `release` because it does worse. Whether it was tried.
    pub fn give_up(&mut self, release: &Release, reason: Reason, now_ms: i64) -> bool {
        let Some(canary) = self.canary.take_if(|canary| canary.release == *release) else { return false };
        let to = self.current.clone();
        self.ended(Action::Rollback, Outcome::RolledBackByItself, &canary.by, now_ms, to, vec![reason]);
        true
    }

    /// Every release that a host keeps compiled, what is served first.
    pub fn releases(&self) -> impl Iterator<Item = &Release> {
        let canary = self.canary.iter().map(|canary| &canary.release);
        let candidate = self.candidate.iter().map(|candidate| &candidate.release);
        std::iter::once(&self.current).chain(canary).chain(&self.previous).chain(candidate)
    }

    fn free(&mut self) -> Result<&mut Self, NotNow> {
        if self.candidate.is_some() { Err(NotNow::Busy) } else { Ok(self) }
    }

    /// Serves a release to everybody. What was served before can be gone back to.
    fn serve(&mut self, release: Release) {
        self.canary = None;
        if release != self.current {
            self.previous = Some(std::mem::replace(&mut self.current, release));
        }
    }

    fn ended(
        &mut self,
        action: Action,
        outcome: Outcome,
        by: &str,
        now_ms: i64,
        to: Release,
        reasons: Vec<Reason>,
    ) -> u64 {
        let (change, from) = (self.revision + 1, self.current.clone());
        let (by, at) = (by.to_owned(), rfc3339(now_ms));
        self.last = Some(Change { change, action, outcome, by, at, from, to, reasons });
        change
    }
}

#[cfg(test)]
mod tests;
