//! Exchanging components while they serve. A release is fetched, checked, composed with whatever it belongs to, compiled
//! and warmed beside what answers; then the slots of all components that it is part of are given another choice, and
//! the old generation ends with its last request. What was served before stays compiled.
//!
//! `follow` keeps a host at what Redis says, `watch` at what is on disk.

pub mod fetch;
pub mod follow;
mod judge;
mod prepare;
pub mod records;
mod renew;
mod slot;
mod variants;
pub mod watch;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use image2model_domain::rollout::{Release, Rollout};
use parking_lot::Mutex;

use super::engine::{aside, on_all_cores};
use super::load::Loaded;
use super::recipe::Recipe;
use super::sources::{Code, Overrides, Sources};
use super::{EdgeError, EdgeOptions};
use judge::Judge;
pub(super) use slot::{Built, Caller, Slot};
use variants::Variant;

/// Every component's releases, by its id.
pub(super) type Rollouts = BTreeMap<String, Rollout>;

/// Everything that is served, and what it can be exchanged for.
pub(super) struct Switch {
    pub loaded: Loaded,
    slots: BTreeMap<String, Arc<Slot>>,
    state: Mutex<State>,
    /// Changes of what is served, one after another.
    changing: Mutex<()>,
    /// What may be gone back to is made ready, by one at a time.
    readying: Mutex<()>,
    /// It may not be.
    is_unready: AtomicBool,
}

/// What is known at the moment.
struct State {
    sources: Sources,
    /// Releases that were fetched.
    fetched: HashMap<Release, Code>,
    built: HashMap<Recipe, Arc<Built>>,
    /// What should be served in place of the manifest's, of all that was fetched.
    wanted: Overrides,
    /// What each root does serve in its place.
    served: BTreeMap<String, Overrides>,
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
            wanted: none,
            served: BTreeMap::new(),
            rollouts: Rollouts::new(),
            judges: HashMap::new(),
        };
        let (changing, readying, is_unready) = (Mutex::default(), Mutex::default(), AtomicBool::new(false));
        Ok(Self { loaded, slots, state: Mutex::new(state), changing, readying, is_unready })
    }

    /// The place of a component that is instantiated here.
    pub fn slot(&self, id: &str) -> Result<Arc<Slot>, EdgeError> {
        let slot = self.slots.get(id).cloned();
        slot.ok_or_else(|| EdgeError::NoSuchComponent { component: id.to_owned(), wanted: "is instantiated".into() })
    }

    /// The digest of what is served of a component, and of what the manifest names. Where not every root that it is part of
    /// could take the newest release, it is the one of those that could not.
    pub fn digests(&self, id: &str) -> (String, String) {
        let state = self.state.lock();
        let component = self.loaded.application.components.get(id);
        let own = component.and_then(|component| state.sources.code(component)).map(|code| &code.digest);
        let digest = |overrides: &'_ Overrides| overrides.get(id).map(|code| code.digest.clone());
        let wanted = digest(&state.wanted);
        let roots = self.loaded.roots.iter().filter(|(_, root)| root.parts.contains(id));
        let mut served = roots.map(|(root, _)| state.served.get(root).and_then(digest));
        let served = served.find(|served| *served != wanted).unwrap_or(wanted);
        let text = |digest: Option<&Arc<str>>| digest.map(ToString::to_string).unwrap_or_default();
        (text(served.as_ref().or(own)), text(own))
    }

    /// The releases that records refer to and nobody has fetched yet. What the manifest has no more is nobody's.
    fn missing(&self, rollouts: &Rollouts) -> Vec<(String, Release)> {
        let state = self.state.lock();
        let all = rollouts.iter().flat_map(|(id, rollout)| rollout.releases().map(move |release| (id, release)));
        let wanted = all.filter(|(id, release)| {
            let is_candidate =
                rollouts.get(*id).and_then(|r| r.candidate.as_ref()).is_some_and(|c| c.release == **release);
            let is_here = self.loaded.application.components.contains_key(id.as_str());
            is_here && !release.is_manifest() && !is_candidate && !state.fetched.contains_key(*release)
        });
        wanted.map(|(id, release)| (id.clone(), release.clone())).collect()
    }

    /// Remembers the bytes of a release.
    fn fetched(&self, release: Release, code: Code) {
        self.state.lock().fetched.insert(release, code);
    }

    /// Serves what the records say, as far as it was fetched, and forgets what they do not refer to any more. Blocks while
    /// what is to be served is not compiled yet. Errors, by component, leave what they concern as it was.
    fn apply(&self, rollouts: Rollouts) -> BTreeMap<String, EdgeError> {
        let _changing = self.changing.lock();
        self.state.lock().rollouts = rollouts;
        self.serve()
    }

    /// As [`apply`](Self::apply), after files of the manifest have changed.
    fn serve(&self) -> BTreeMap<String, EdgeError> {
        let variants = self.variants();
        let errors = self.renew(&variants);
        self.forget(&variants);
        errors
    }

    /// Has compiled what may be gone back to, beside what answers, once everybody has what is served now: beside a dependency
    /// that was exchanged, a former release may never have been. Nobody waits for that.
    fn ready_previous(self: &Arc<Self>) {
        let switch = self.clone();
        drop(tokio::task::spawn_blocking(move || switch.compile_previous()));
    }

    /// Whoever finds another at it leaves it to them.
    fn compile_previous(&self) {
        self.is_unready.store(true, Ordering::Release);
        while self.is_unready.load(Ordering::Acquire) {
            let Some(_only) = self.readying.try_lock() else { return };
            self.is_unready.store(false, Ordering::Release);
            let variants = self.variants();
            let previous: Vec<_> = variants.iter().filter(|variant| variant.is_previous()).collect();
            if previous.is_empty() {
                continue;
            }
            let compiled = aside(|| {
                for variant in previous {
                    if let Err(error) = self.build_all(variant) {
                        tracing::warn!(component = variant.id, %error, "the former release cannot be made ready");
                    }
                }
                Ok(())
            });
            if let Err(error) = compiled {
                tracing::warn!(%error, "no former release can be made ready");
            }
        }
    }

    fn variants(&self) -> Vec<Variant> {
        let state = self.state.lock();
        variants::variants(&self.loaded, &state.rollouts, |release| state.fetched.get(release).cloned())
    }

    /// What a root serves in place of the manifest's.
    fn served(&self, root: &str) -> Overrides {
        self.state.lock().served.get(root).cloned().unwrap_or_default()
    }

    /// One root with these releases, compiled unless it is already.
    fn build(&self, root: &str, overrides: &Overrides) -> Result<Arc<Built>, EdgeError> {
        let sources = self.state.lock().sources.clone();
        let key = self.loaded.recipe(&sources, root, overrides)?;
        if let Some(built) = self.state.lock().built.get(&key) {
            return Ok(built.clone());
        }
        let built = Arc::new(self.loaded.build(&sources, root, overrides)?);
        self.state.lock().built.insert(key, built.clone());
        Ok(built)
    }

    /// All that a variant is part of, each beside what it serves else.
    fn build_all(&self, variant: &Variant) -> Result<Vec<Arc<Built>>, EdgeError> {
        let roots = variant.roots.iter().collect();
        on_all_cores(roots, |root: &String| self.build(root, &variant.over(self.served(root))))
    }

    /// Lets go of what nothing refers to any more.
    fn forget(&self, variants: &[Variant]) {
        let mut state = self.state.lock();
        let served = |root: &String| state.served.get(root).cloned().unwrap_or_default();
        let stable = self.slots.keys().map(|root| (root, served(root)));
        let others = variants
            .iter()
            .flat_map(|variant| variant.roots.iter().map(move |root| (root, variant.over(served(root)))));
        let keys: HashSet<Recipe> = stable
            .chain(others)
            .filter_map(|(root, overrides)| self.loaded.recipe(&state.sources, root, &overrides).ok())
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
        let state = self.state.lock();
        let judged = state.judges.iter().filter_map(|((id, release), judge)| {
            let (code, message) = judge.worse()?;
            Some((id.clone(), release.clone(), code, message))
        });
        judged.collect()
    }
}
