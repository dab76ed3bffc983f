//! One component, ready to answer: what it is granted, how many requests it may have, its instances.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio_util::task::TaskTracker;
use wasmtime_wasi_http::handler::ProxyPre;

use super::admission::Admission;
use super::pool::{Pool, Start};
use crate::edge::capabilities::{Grants, HostState};
use crate::edge::engine::EdgeEngine;

/// How the instances of one component are used.
#[derive(Clone)]
pub(crate) struct HandlerSettings {
    pub request_timeout: Duration,
    pub request_deadline: Duration,
    pub body_deadline: Duration,
    /// The largest body of a request, bytes.
    pub max_body: Option<u64>,
    /// How long an instance without work is kept.
    pub idle: Duration,
    /// Requests that one instance answers before it is replaced.
    pub reuse: usize,
    /// Guests that go on by themselves, of all components.
    pub behind: TaskTracker,
}

/// One component, ready to answer.
pub(crate) struct ComponentHandler {
    pub grants: Arc<Grants>,
    pub admission: Admission,
    pub settings: HandlerSettings,
    pub(super) pool: Arc<Pool>,
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
        mut settings: HandlerSettings,
    ) -> Self {
        // What a component of wasi:http 0.2 keeps is not meant to outlive a request.
        if let ProxyPre::P2(_) = pre {
            settings.reuse = 1;
        }
        Self::of(Start { engine, pre: Arc::new(pre), grants, settings, depth: 0 }, admission)
    }

    fn of(start: Start, admission: Admission) -> Self {
        let (grants, settings, depth) = (start.grants.clone(), start.settings.clone(), start.depth);
        Self { grants, admission, settings, pool: Pool::new(start), depth, deeper: OnceLock::new() }
    }

    /// Whether it answers other components rather than clients.
    pub(super) fn is_chained(&self) -> bool {
        self.depth > 0
    }

    /// Whether it is one of wasi:http 0.2. Those have always been served as Spin and wasmtime do, which add no length.
    pub(super) fn is_older(&self) -> bool {
        matches!(*self.pool.start.pre, ProxyPre::P2(_))
    }

    /// Whoever answers requests that are so many chained calls deep.
    pub(super) fn at(&self, depth: usize) -> &Self {
        let mut handler = self;
        while handler.depth < depth {
            handler = handler.deeper.get_or_init(|| {
                let start = Start { depth: handler.depth + 1, ..handler.pool.start.clone() };
                Box::new(Self::of(start, handler.admission.clone()))
            });
        }
        handler
    }

    /// Starts one instance, for whoever asks first: what only shows then shows before anybody asks.
    pub async fn warm(&self) -> wasmtime::Result<()> {
        let instance = self.pool.another().await?;
        self.pool.give_back(instance);
        Ok(())
    }
}
