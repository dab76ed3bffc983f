//! The guard component asked from native routes: the same component, with the same configuration, as the endpoints ask.
//! An instance of its own for every call; the guard keeps no state but Redis's.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::EdgeError;
use super::call::{CALLS, CallError, bounded};
use super::capabilities::Grants;
use super::engine::EdgeEngine;
use super::load::Loaded;
use super::manifest::{Dependency, DependencySource};
use bindings::GuardPlugPre;

#[allow(missing_docs, reason = "generated")]
mod bindings {
    wasmtime::component::bindgen!({
        path: "../wit/guard",
        world: "guard-plug",
        exports: { default: async | store },
        additional_derives: [PartialEq],
    });
}

pub use bindings::exports::image2model::guard::guard::{Answer, Budget, Facts, Level, Pass, Problem, Role, Verdict};

/// The interface, without its version.
const INTERFACE: &str = "image2model:guard/guard";

/// Asks the guard. Cheap to clone.
#[derive(Clone)]
pub struct GuardClient(Arc<Inner>);

struct Inner {
    component: String,
    engine: EdgeEngine,
    pre: GuardPlugPre<super::capabilities::HostState>,
    grants: Arc<Grants>,
    places: Semaphore,
}

impl GuardClient {
    pub(super) fn new(loaded: &Loaded, endpoint: &str) -> Result<Self, EdgeError> {
        let asking = loaded.component(endpoint)?;
        let found = asking.dependencies.iter().find_map(|dependency| match &dependency.source {
            DependencySource::Component(id) if means_guard(dependency) => Some((dependency, id)),
            _ => None,
        });
        let (dependency, id) = found.ok_or_else(|| EdgeError::NoSuchComponent {
            component: endpoint.to_owned(),
            wanted: format!("depends on a component for {INTERFACE}"),
        })?;
        let pre = GuardPlugPre::new(loaded.linked(id)?)
            .map_err(|error| EdgeError::Link { component: id.clone(), message: format!("{error:#}") })?;
        let grants = loaded.grants(asking)?.inherited(id, &dependency.inherit, loaded.usage(id));
        Ok(Self(Arc::new(Inner {
            component: id.clone(),
            engine: loaded.engine.clone(),
            pre,
            grants: Arc::new(grants),
            places: Semaphore::new(CALLS),
        })))
    }

    /// What the guard says to a request with these facts.
    pub async fn check(&self, facts: Facts) -> Result<Verdict, CallError> {
        bounded(&self.0.component, &self.0.places, &self.0.grants.usage, self.call(facts)).await
    }

    async fn call(&self, facts: Facts) -> wasmtime::Result<Verdict> {
        let mut store = self.0.engine.store(&self.0.grants)?;
        let guard = self.0.pre.instantiate_async(&mut store).await?;
        store
            .run_concurrent(async move |accessor| guard.image2model_guard_guard().call_check(accessor, facts).await)
            .await?
    }
}

fn means_guard(dependency: &Dependency) -> bool {
    super::compose::InterfaceName::parse(&dependency.import).path() == INTERFACE
}
