//! A release on its way: held against its world, composed, compiled, and started once, all beside what answers.

use std::sync::Arc;
use std::time::Duration;

use image2model_domain::rollout::Rollout;

use super::variants::Variant;
use super::{Built, Switch};
use crate::edge::EdgeError;
use crate::edge::check::{self, Difference};
use crate::edge::engine::aside;
use crate::edge::sources::Code;

/// How long an instance may take to start.
const STARTS_WITHIN: Duration = Duration::from_secs(10);

/// Why a release is not taken.
#[derive(Debug, thiserror::Error)]
pub(in crate::edge) enum Refusal {
    /// It is not what its world asks for.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    World(Vec<Difference>),
    /// It cannot be composed, linked or compiled.
    #[error(transparent)]
    Edge(#[from] EdgeError),
    /// It does not start.
    #[error("an instance does not start: {0}")]
    Start(String),
    /// A provider that is another one.
    #[error("it calls itself the provider {new:?}, and the one it replaces {old:?}: jobs would not find it")]
    OtherProvider {
        /// What the one calls itself that is served.
        old: String,
        /// What this one does.
        new: String,
    },
    /// Nobody to try it on.
    #[error("no request leads to it, so there are no callers to try it on; swap it for all")]
    NoCallers,
    /// Which of the two is worse could not be told.
    #[error(
        "a release of {0:?} is being tried in the same components; wait until that is served to all or has been ended"
    )]
    OtherCanary(String),
}

impl Refusal {
    pub fn code(&self) -> &'static str {
        match self {
            Self::World(_) => "WORLD",
            Self::Edge(error) => error.code(),
            Self::Start(_) => "DOES_NOT_START",
            Self::OtherProvider { .. } => "OTHER_PROVIDER",
            Self::NoCallers => "NO_CALLERS",
            Self::OtherCanary(_) => "OTHER_CANARY",
        }
    }

    /// Whether it is the host's fault and not the component's.
    pub fn is_ours(&self) -> bool {
        matches!(self, Self::Edge(EdgeError::Engine(_) | EdgeError::Cache { .. } | EdgeError::Read { .. }))
    }
}

impl Switch {
    /// Makes a release of `id` ready to be served.
    pub(super) async fn prepare(self: &Arc<Self>, id: &str, code: Code, for_some: bool) -> Result<(), Refusal> {
        if !self.loaded.application.components.contains_key(id) {
            let wanted = "exists on this host".to_owned();
            return Err(EdgeError::NoSuchComponent { component: id.to_owned(), wanted }.into());
        }
        let differences = self.differences(id, &code.bytes)?;
        if !differences.is_empty() {
            return Err(Refusal::World(differences));
        }
        let variant = Variant::candidate(&self.loaded, id, code);
        let callers = |root: &String| self.slots.get(root).is_some_and(|slot| slot.stable().provider.is_none());
        if for_some && !variant.roots.iter().any(callers) {
            return Err(Refusal::NoCallers);
        }
        if for_some && let Some(other) = self.tried_with(&variant) {
            return Err(Refusal::OtherCanary(other));
        }
        let building = self.clone();
        let built = tokio::task::spawn_blocking(move || aside(|| building.build_all(&variant))).await;
        let built = built.map_err(|_| EdgeError::Engine("the compiler panicked".into()))??;
        for built in built {
            self.warm(&built).await?;
        }
        Ok(())
    }

    /// Another component whose trial meets this one in some root. Of two that are prepared, the one that was asked for first
    /// goes on.
    fn tried_with(&self, variant: &Variant) -> Option<String> {
        let state = self.state.lock();
        let asked = |id: &String| state.rollouts.get(id)?.candidate.as_ref().map(|candidate| candidate.at_ms);
        let own = (asked(&variant.id), &variant.id);
        let is_tried = |(id, rollout): &(&String, &Rollout)| {
            let first =
                rollout.candidate.as_ref().is_some_and(|other| other.weight.is_some()) && (asked(id), *id) < own;
            **id != variant.id && (rollout.canary.is_some() || first)
        };
        let meets = |id: &String| {
            variant.roots.iter().filter_map(|root| self.loaded.roots.get(root)).any(|root| root.parts.contains(id))
        };
        state.rollouts.iter().filter(is_tried).map(|(id, _)| id).find(|id| meets(id)).cloned()
    }

    /// What of a component does not fit its world; of one that has none, what the one that is served exports and it does not.
    fn differences(&self, id: &str, bytes: &[u8]) -> Result<Vec<Difference>, EdgeError> {
        let served = {
            let state = self.state.lock();
            let own = self.loaded.component(id).ok().and_then(|component| state.sources.code(component));
            state.wanted.get(id).or(own).map(|code| code.bytes.clone())
        };
        check::of_release(id, bytes, served.as_deref())
    }

    /// Starts it once, so that what only shows then shows now.
    async fn warm(&self, built: &Built) -> Result<(), Refusal> {
        let started = tokio::time::timeout(STARTS_WITHIN, self.start(built)).await;
        started.map_err(|_| Refusal::Start("it takes too long".into()))?
    }

    async fn start(&self, built: &Built) -> Result<(), Refusal> {
        let failed = |error: wasmtime::Error| Refusal::Start(format!("{error:#}"));
        if let Some(handler) = &built.handler {
            handler.warm().await.map_err(failed)?;
        }
        if let Some(guard) = &built.guard {
            let mut store = self.loaded.engine.store(&built.grants).map_err(failed)?;
            guard.instantiate_async(&mut store).await.map_err(failed)?;
        }
        if let Some(new) = self.describes(built).await.map_err(failed)? {
            let serving = self.slot(&built.root)?.stable();
            let old = self.describes(&serving).await.map_err(failed)?.unwrap_or_default();
            if old != new {
                return Err(Refusal::OtherProvider { old, new });
            }
        }
        Ok(())
    }

    /// What a provider calls itself.
    async fn describes(&self, built: &Built) -> wasmtime::Result<Option<String>> {
        let Some(pre) = &built.provider else { return Ok(None) };
        let mut store = self.loaded.engine.store(&built.grants)?;
        let provider = pre.instantiate_async(&mut store).await?;
        Ok(Some(provider.image2model_provider_model().call_describe(&mut store).await?.id))
    }
}
