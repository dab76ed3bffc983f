//! One component's instances, by wasmtime's `ProxyHandler`: an instance serves `reuse` requests in all, waits `idle` for
//! more, then makes room. There are two kinds of them, so that whatever a guest does to its instance hurts only the
//! request that made it do so:
//!
//! - those *for one* are asked one thing at a time, and nothing more before they are at rest: the answer has been taken to
//!   its end and nothing goes on behind it;
//! - those *for many* are asked up to `concurrent` things at a time. They are only for what can be asked again elsewhere
//!   (`ask`): requests that change nothing, and whose answer was not handed on before it was whole.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use wasmtime_wasi_http::handler::{ProxyHandler, ProxyPre, Request, Response};

use super::admission::Admission;
use super::instance::{State, Work};
use super::until::Until;
use crate::edge::capabilities::{Grants, HostState};
use crate::edge::engine::EdgeEngine;

/// How long after a trap every request has an instance to itself: one that traps again takes nobody along.
const APART: Duration = Duration::from_secs(10);

/// How the instances of one component are used.
#[derive(Clone)]
pub(crate) struct HandlerSettings {
    pub request_timeout: Duration,
    pub request_deadline: Duration,
    pub body_deadline: Duration,
    /// Whether its answers are known to come bit by bit: the manifest bounds how long.
    pub streams: bool,
    /// The largest body of a request, bytes.
    pub max_body: Option<u64>,
    pub idle: Duration,
    pub reuse: usize,
    pub concurrent: usize,
}

/// Which kind of instance; see the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    One,
    Many,
}

/// One component, ready to answer.
pub(crate) struct ComponentHandler {
    pub grants: Arc<Grants>,
    pub admission: Admission,
    pub settings: HandlerSettings,
    for_one: ProxyHandler<State>,
    /// None for a component whose calls hold their whole instance.
    for_many: Option<ProxyHandler<State>>,
    apart: Until,
    depth: usize,
    /// The same for requests that are one chained call deeper, made when there is one.
    deeper: OnceLock<Box<ComponentHandler>>,
}

impl ComponentHandler {
    pub fn new(
        engine: EdgeEngine,
        pre: ProxyPre<HostState>,
        grants: Arc<Grants>,
        admission: Admission,
        settings: HandlerSettings,
    ) -> Self {
        // A call of wasi:http 0.2 holds its whole instance, and what such a component keeps is not meant to outlive a request.
        let (settings, shares) = match pre {
            ProxyPre::P2(_) => (HandlerSettings { reuse: 1, concurrent: 1, ..settings }, false),
            ProxyPre::P3(_) => (settings.clone(), settings.concurrent > 1),
        };
        let pre = Arc::new(pre);
        Self::of(&State { engine, pre, grants, settings, kind: For::One, depth: 0 }, shares, admission)
    }

    fn of(state: &State, shares: bool, admission: Admission) -> Self {
        let instances = |kind| ProxyHandler::new(State { kind, ..state.clone() });
        let (for_one, for_many) = (instances(For::One), shares.then(|| instances(For::Many)));
        let (grants, settings, depth) = (state.grants.clone(), state.settings.clone(), state.depth);
        let (apart, deeper) = (Until::default(), OnceLock::new());
        Self { grants, admission, settings, for_one, for_many, apart, depth, deeper }
    }

    /// Whoever answers requests that are so many chained calls deep.
    pub(super) fn at(&self, depth: usize) -> &Self {
        let mut handler = self;
        while handler.depth < depth {
            handler = handler.deeper.get_or_init(|| {
                let state = State { depth: handler.depth + 1, ..handler.for_one.state().clone() };
                Box::new(Self::of(&state, handler.for_many.is_some(), handler.admission.clone()))
            });
        }
        handler
    }

    /// Starts one instance and lets it go again: what only shows then shows before anybody asks.
    pub async fn warm(&self) -> wasmtime::Result<()> {
        self.for_one.state().start().await.map(drop)
    }

    /// Whether requests may share an instance at the moment.
    pub(super) fn shares(&self) -> bool {
        self.for_many.is_some() && !self.apart.is_on()
    }

    /// An instance for many came to grief.
    pub(super) fn keep_apart(&self) {
        self.apart.begin(APART);
    }

    /// Hands one request to an instance of this kind. Its place is held until the component has answered or given up; where
    /// the instance is for one, until it is at rest.
    pub(super) async fn handle(&self, kind: For, request: Request, work: Work) -> wasmtime::Result<Response> {
        let instances = match (kind, &self.for_many) {
            (For::Many, Some(instances)) => instances,
            _ => &self.for_one,
        };
        instances.handle(work, request).await
    }
}
