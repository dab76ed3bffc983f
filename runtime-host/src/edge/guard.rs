//! The guard component asked from native routes: the same component, with the same configuration, as the endpoints ask.
//! An instance of its own for every call; the guard keeps no state but Redis's.

use std::net::{IpAddr, Ipv4Addr};
use std::pin::pin;
use std::sync::Arc;

use tokio::sync::Semaphore;

use super::EdgeError;
use super::call::{CALLS, CallError, bounded};
use super::capabilities::Grants;
use super::engine::EdgeEngine;
use super::manifest::{Dependency, DependencySource};
use super::swap::{Built, Caller, Slot, Switch};
pub(super) use bindings::GuardPlugPre;

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
    slot: Arc<Slot>,
    grants: Arc<Grants>,
    places: Semaphore,
}

impl GuardClient {
    pub(super) fn new(switch: &Switch, endpoint: &str) -> Result<Self, EdgeError> {
        let loaded = &switch.loaded;
        let asking = loaded.component(endpoint)?;
        let found = asking.dependencies.iter().find_map(|dependency| match &dependency.source {
            DependencySource::Component(id) if means_guard(dependency) => Some((dependency, id)),
            _ => None,
        });
        let (dependency, id) = found.ok_or_else(|| EdgeError::NoSuchComponent {
            component: endpoint.to_owned(),
            wanted: format!("depends on a component for {INTERFACE}"),
        })?;
        let grants = loaded.grants(asking)?.inherited(id, &dependency.inherit, loaded.usage(id));
        Ok(Self(Arc::new(Inner {
            component: id.clone(),
            engine: loaded.engine.clone(),
            slot: switch.slot(id)?,
            grants: Arc::new(grants),
            places: Semaphore::new(CALLS),
        })))
    }

    /// What the guard says to a request with these facts.
    pub async fn check(&self, facts: Facts) -> Result<Verdict, CallError> {
        // As for requests to components: whoever is told apart there is told apart here.
        let known = facts.authorization.as_deref().or(facts.cookie.as_deref()).map(str::as_bytes);
        let near = facts.client_address.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let caller = Caller::of(known, facts.forwarded_for.iter().map(|lines| lines.as_bytes()), near);
        let picked = self.0.slot.pick(caller);
        let (component, usage) = (&*self.0.component, &self.0.grants.usage);
        let started = std::time::Instant::now();
        let answer = bounded(component, &self.0.places, usage, self.call(&picked.built, facts)).await;
        if let Some((judge, side)) = picked.judge {
            judge.answered(side, started.elapsed(), answer.is_err());
        }
        answer
    }

    async fn call(&self, built: &Built, facts: Facts) -> wasmtime::Result<Verdict> {
        let Some(pre) = &built.guard else { return Err(wasmtime::format_err!("it is no guard")) };
        let mut store = self.0.engine.store(&self.0.grants)?;
        let meter = store.data().cpu.meter();
        let call = async {
            let guard = pre.instantiate_async(&mut store).await?;
            store
                .run_concurrent(async move |accessor| guard.image2model_guard_guard().call_check(accessor, facts).await)
                .await?
        };
        meter.measure(pin!(call)).await
    }
}

fn means_guard(dependency: &Dependency) -> bool {
    super::compose::InterfaceName::parse(&dependency.import).path() == INTERFACE
}
