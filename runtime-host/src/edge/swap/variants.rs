//! What has to be compiled for the records of all components beside what is served: what some callers are served, what is
//! being prepared, and what can be gone back to. Each is what is served with one component replaced.

use std::collections::BTreeSet;

use image2model_domain::rollout::{Canary, Release};

use super::Rollouts;
use crate::edge::load::Loaded;
use crate::edge::sources::{Code, Overrides};

/// One of them.
pub(super) struct Variant {
    /// Whose release it is about.
    pub id: String,
    /// Nothing for the manifest's.
    code: Option<Code>,
    /// What is instantiated and has it as a part.
    pub roots: BTreeSet<String>,
    kind: Kind,
}

enum Kind {
    Trial(Canary),
    Candidate,
    Previous,
}

impl Variant {
    fn new(loaded: &Loaded, id: &str, code: Option<Code>, kind: Kind) -> Self {
        let roots = loaded.roots.iter().filter(|(_, root)| root.parts.contains(id));
        Self { id: id.to_owned(), code, roots: roots.map(|(root, _)| root.clone()).collect(), kind }
    }

    /// A release that is being prepared.
    pub fn candidate(loaded: &Loaded, id: &str, code: Code) -> Self {
        Self::new(loaded, id, Some(code), Kind::Candidate)
    }

    /// What a root serves, with this instead.
    pub fn over(&self, mut served: Overrides) -> Overrides {
        match &self.code {
            Some(code) => served.insert(self.id.clone(), code.clone()),
            None => served.remove(&self.id),
        };
        served
    }

    pub fn is_previous(&self) -> bool {
        matches!(self.kind, Kind::Previous)
    }

    fn canary(&self) -> Option<&Canary> {
        match &self.kind {
            Kind::Trial(canary) => Some(canary),
            _ => None,
        }
    }
}

/// What should be served in place of the manifest's. `before` stands in for what `fetched` does not have.
pub(super) fn wanted(
    loaded: &Loaded,
    rollouts: &Rollouts,
    before: &Overrides,
    fetched: impl Fn(&Release) -> Option<Code>,
) -> Overrides {
    let known = rollouts.iter().filter(|(id, _)| loaded.application.components.contains_key(*id));
    let replaced = known.filter(|(_, rollout)| !rollout.current.is_manifest());
    let codes = replaced.filter_map(|(id, rollout)| {
        let code = fetched(&rollout.current).or_else(|| before.get(id).cloned())?;
        Some((id.clone(), code))
    });
    codes.collect()
}

/// All that there are, as far as they were fetched.
pub(super) fn variants(
    loaded: &Loaded,
    rollouts: &Rollouts,
    fetched: impl Fn(&Release) -> Option<Code>,
) -> Vec<Variant> {
    let mut all = Vec::new();
    for (id, rollout) in rollouts {
        let others = [
            rollout.canary.as_ref().map(|canary| (&canary.release, Kind::Trial(canary.clone()))),
            rollout.candidate.as_ref().map(|candidate| (&candidate.release, Kind::Candidate)),
            rollout.previous.as_ref().map(|previous| (previous, Kind::Previous)),
        ];
        for (release, kind) in others.into_iter().flatten() {
            let code = if release.is_manifest() { None } else { fetched(release) };
            if code.is_some() || release.is_manifest() {
                all.push(Variant::new(loaded, id, code, kind));
            }
        }
    }
    all
}

/// What is tried in a root: of several the oldest, so that it is the same on every host.
pub(super) fn trial<'v>(variants: &'v [Variant], root: &str) -> Option<(&'v Variant, &'v Canary)> {
    let here = variants.iter().filter(|variant| variant.roots.contains(root));
    let trials = here.filter_map(|variant| Some((variant, variant.canary()?)));
    trials.min_by(|(a, one), (b, other)| (&one.at, &a.id).cmp(&(&other.at, &b.id)))
}
