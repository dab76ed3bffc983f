//! Exchanging components while they serve. A release is fetched, checked, composed with whatever it belongs to, compiled
//! and warmed beside what answers; then the slots of all components that it is part of are given another choice, and
//! the old generation ends with its last request. What was served before stays compiled.
//!
//! `follow` keeps a host at what Redis says, `watch` at what is on disk.

pub mod fetch;
pub mod follow;
mod judge;
mod prepare;
mod slot;
mod variants;
pub mod watch;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use image2model_domain::rollout::{Release, Rollout};

use super::engine::on_all_cores;
use super::load::Loaded;
use super::recipe::Recipe;
use super::sources::{Code, Overrides, Sources};
use super::{EdgeError, EdgeOptions};
use judge::Judge;
pub(super) use slot::{Built, Slot};
use slot::{Choice, Trial};
use variants::{Variant, variants};

/// Every component's releases, by its id.
pub(super) type Rollouts = BTreeMap<String, Rollout>;

/// Everything that is served, and what it can be exchanged for.
pub(super) struct Switch {
    pub loaded: Loaded,
    slots: BTreeMap<String, Arc<Slot>>,
    state: Mutex<State>,
    /// Changes of what is served, one after another.
    changing: Mutex<()>,
}

/// What is known at the moment.
struct State {
    sources: Sources,
    /// Releases that were fetched.
    fetched: HashMap<Release, Code>,
    built: HashMap<Recipe, Arc<Built>>,
    /// What is served in place of the manifest's.
    served: Overrides,
    rollouts: Rollouts,
    judges: HashMap<(String, Release), Arc<Judge>>,
}

impl Switch {
    /// Serves what the manifest names. Blocks for seconds without a warm cache.
    pub fn load(options: &EdgeOptions) -> Result<Self, EdgeError> {
        let (loaded, sources) = Loaded::new(options)?;
        let none = Overrides::new();
        let made = on_all_cores(loaded.roots.keys().collect(), |id| {
            let key = loaded.recipe(&sources, id, &none)?;
            Ok((key, Arc::new(loaded.build(&sources, id, &none)?)))
        })?;
        let slots = made.iter().map(|(_, built)| (built.root.clone(), Arc::new(Slot::new(built.clone())))).collect();
        let state = State {
            sources,
            fetched: HashMap::new(),
            built: made.into_iter().collect(),
            served: none,
            rollouts: Rollouts::new(),
            judges: HashMap::new(),
        };
        Ok(Self { loaded, slots, state: Mutex::new(state), changing: Mutex::default() })
    }

    /// The place of a component that is instantiated here.
    pub fn slot(&self, id: &str) -> Result<Arc<Slot>, EdgeError> {
        let slot = self.slots.get(id).cloned();
        slot.ok_or_else(|| EdgeError::NoSuchComponent { component: id.to_owned(), wanted: "is instantiated".into() })
    }

    /// The digest of what is served of a component, and of what the manifest names.
    pub fn digests(&self, id: &str) -> (String, String) {
        let state = self.state();
        let component = self.loaded.application.components.get(id);
        let own = component.and_then(|component| state.sources.code(component)).map(|code| &code.digest);
        let served = state.served.get(id).map(|code| &code.digest).or(own);
        let text = |digest: Option<&Arc<str>>| digest.map(ToString::to_string).unwrap_or_default();
        (text(served), text(own))
    }

    /// The releases that records refer to and nobody has fetched yet.
    fn missing(&self, rollouts: &Rollouts) -> Vec<(String, Release)> {
        let state = self.state();
        let all = rollouts.iter().flat_map(|(id, rollout)| rollout.releases().map(move |release| (id, release)));
        let wanted = all.filter(|(id, release)| {
            let is_candidate =
                rollouts.get(*id).and_then(|r| r.candidate.as_ref()).is_some_and(|c| c.release == **release);
            !release.is_manifest() && !is_candidate && !state.fetched.contains_key(*release)
        });
        wanted.map(|(id, release)| (id.clone(), release.clone())).collect()
    }

    /// Remembers the bytes of a release.
    fn fetched(&self, release: Release, code: Code) {
        self.state().fetched.insert(release, code);
    }

    /// Serves what the records say, as far as it was fetched, and forgets what they do not refer to any more. Blocks while
    /// what is to be served is not compiled yet. Errors leave what they concern as it was.
    fn apply(&self, rollouts: Rollouts) -> Vec<(String, EdgeError)> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        self.state().rollouts = rollouts;
        self.serve()
    }

    /// As [`apply`](Self::apply), after files of the manifest have changed.
    fn serve(&self) -> Vec<(String, EdgeError)> {
        let wanted = self.variants();
        let mut errors = Vec::new();
        for variant in wanted.iter().filter(|variant| variant.is_served()) {
            if let Err(error) = self.build(variant) {
                errors.push((variant.about.clone().unwrap_or_default(), error));
            }
        }
        self.shift(&wanted);
        // What may be gone back to is compiled after everybody has what is served now.
        for variant in wanted.iter().filter(|variant| !variant.is_served() && !variant.is_candidate()) {
            if let Err(error) = self.build(variant) {
                tracing::warn!(component = variant.about, %error, "the former release cannot be made ready");
            }
        }
        self.forget(&wanted);
        errors
    }

    fn variants(&self) -> Vec<Variant> {
        let state = self.state();
        variants(&self.loaded, &state.rollouts, &state.served, |release| state.fetched.get(release).cloned())
    }

    /// Compiles what of a variant is not compiled yet.
    fn build(&self, variant: &Variant) -> Result<Vec<Arc<Built>>, EdgeError> {
        let sources = self.state().sources.clone();
        let mut all = Vec::new();
        let mut left = Vec::new();
        for root in &variant.roots {
            let key = self.loaded.recipe(&sources, root, &variant.overrides)?;
            match self.state().built.get(&key) {
                Some(built) => all.push(built.clone()),
                None => left.push((key, root)),
            }
        }
        let made = on_all_cores(left, |(key, root)| {
            Ok((key, Arc::new(self.loaded.build(&sources, root, &variant.overrides)?)))
        })?;
        let mut state = self.state();
        for (key, built) in made {
            all.push(built.clone());
            state.built.insert(key, built);
        }
        Ok(all)
    }

    /// Gives every slot the choice that the variants make, where all of it is compiled.
    fn shift(&self, variants: &[Variant]) {
        let mut state = self.state();
        let Some(stable) = variants.iter().find(|variant| variant.is_stable()) else { return };
        let trial = variants.iter().find(|variant| variant.is_trial());
        let mut chosen = Vec::new();
        for (root, slot) in &self.slots {
            let Some(built) = state.find(&self.loaded, root, &stable.overrides) else {
                tracing::error!(component = root, "what should be served is not compiled; what was served goes on");
                return;
            };
            let tried = trial.filter(|trial| trial.roots.contains(root)).and_then(|trial| {
                let built = state.find(&self.loaded, root, &trial.overrides)?;
                let (id, canary) = trial.canary()?;
                let judge = state.judges.entry((id.to_owned(), canary.release.clone())).or_default().clone();
                Some(Trial { built, weight: canary.weight, judge })
            });
            chosen.push((slot, Choice { stable: built, trial: tried }));
        }
        state.served.clone_from(&stable.overrides);
        for (slot, choice) in chosen {
            slot.put(choice);
        }
    }

    /// Lets go of what nothing refers to any more.
    fn forget(&self, variants: &[Variant]) {
        let mut state = self.state();
        let sources = state.sources.clone();
        let keys: HashSet<Recipe> = variants
            .iter()
            .flat_map(|variant| variant.roots.iter().map(move |root| (root, &variant.overrides)))
            .filter_map(|(root, overrides)| self.loaded.recipe(&sources, root, overrides).ok())
            .collect();
        state.built.retain(|key, _| keys.contains(key));
        let releases: HashSet<Release> =
            state.rollouts.values().flat_map(|rollout| rollout.releases().cloned().collect::<Vec<_>>()).collect();
        state.fetched.retain(|release, _| releases.contains(release));
        let tried: HashSet<(String, Release)> = state
            .rollouts
            .iter()
            .filter_map(|(id, rollout)| Some((id.clone(), rollout.canary.as_ref()?.release.clone())))
            .collect();
        state.judges.retain(|tried_by, _| tried.contains(tried_by));
    }

    /// The trials that do worse than what is served, and why.
    fn worse(&self) -> Vec<(String, Release, &'static str, String)> {
        let state = self.state();
        let judged = state.judges.iter().filter_map(|((id, release), judge)| {
            let (code, message) = judge.worse()?;
            Some((id.clone(), release.clone(), code, message))
        });
        judged.collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn find(&self, loaded: &Loaded, root: &str, overrides: &Overrides) -> Option<Arc<Built>> {
        self.built.get(&loaded.recipe(&self.sources, root, overrides).ok()?).cloned()
    }
}
