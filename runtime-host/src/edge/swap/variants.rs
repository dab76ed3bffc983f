//! What has to be compiled for the records of all components: what is served, what some callers are served, what is being
//! prepared, and what can be gone back to. Each is the manifest's components with some of them replaced.

use std::collections::BTreeSet;

use image2model_domain::rollout::{Canary, Release};

use super::Rollouts;
use crate::edge::load::Loaded;
use crate::edge::sources::{Code, Overrides};

/// One of them.
pub(super) struct Variant {
    pub overrides: Overrides,
    /// The components that are instantiated and differ from what is served.
    pub roots: BTreeSet<String>,
    /// Whose release it is about; nothing for what is served.
    pub about: Option<String>,
    kind: Kind,
}

enum Kind {
    Stable,
    Trial(Canary),
    Candidate,
    Previous,
}

impl Variant {
    pub fn is_stable(&self) -> bool {
        matches!(self.kind, Kind::Stable)
    }

    pub fn is_trial(&self) -> bool {
        matches!(self.kind, Kind::Trial(_))
    }

    pub fn is_served(&self) -> bool {
        self.is_stable() || self.is_trial()
    }

    pub fn is_candidate(&self) -> bool {
        matches!(self.kind, Kind::Candidate)
    }

    /// Whose trial it is, and how large.
    pub fn canary(&self) -> Option<(&str, &Canary)> {
        match (&self.about, &self.kind) {
            (Some(id), Kind::Trial(canary)) => Some((id, canary)),
            _ => None,
        }
    }
}

/// All of them, what is served first. `served` stands in for what `fetched` does not have.
pub(super) fn variants(
    loaded: &Loaded,
    rollouts: &Rollouts,
    served: &Overrides,
    fetched: impl Fn(&Release) -> Option<Code>,
) -> Vec<Variant> {
    let mut stable = Overrides::new();
    for (id, rollout) in rollouts.iter().filter(|(id, _)| loaded.application.components.contains_key(*id)) {
        let code =
            if rollout.current.is_manifest() { None } else { fetched(&rollout.current).or(served.get(id).cloned()) };
        if let Some(code) = code {
            stable.insert(id.clone(), code);
        }
    }
    let roots = loaded.roots.keys().cloned().collect();
    let mut all = vec![Variant { overrides: stable.clone(), roots, about: None, kind: Kind::Stable }];
    for (id, rollout) in rollouts {
        let others = [
            rollout.canary.as_ref().map(|canary| (&canary.release, Kind::Trial(canary.clone()))),
            rollout.candidate.as_ref().map(|candidate| (&candidate.release, Kind::Candidate)),
            rollout.previous.as_ref().map(|previous| (previous, Kind::Previous)),
        ];
        for (release, kind) in others.into_iter().flatten() {
            let code = if release.is_manifest() { None } else { fetched(release) };
            if code.is_some() || release.is_manifest() {
                all.push(variant(loaded, &stable, id, code, kind));
            }
        }
    }
    all
}

/// What is served, with another release of one component; nothing for the manifest's.
pub(super) fn candidate(loaded: &Loaded, served: &Overrides, id: &str, code: Option<Code>) -> Variant {
    variant(loaded, served, id, code, Kind::Candidate)
}

fn variant(loaded: &Loaded, stable: &Overrides, id: &str, code: Option<Code>, kind: Kind) -> Variant {
    let mut overrides = stable.clone();
    match code {
        Some(code) => overrides.insert(id.to_owned(), code),
        None => overrides.remove(id),
    };
    let roots = loaded.roots.iter().filter(|(_, root)| root.parts.contains(id)).map(|(root, _)| root.clone()).collect();
    Variant { overrides, roots, about: Some(id.to_owned()), kind }
}
