//! What a component can reach from inside its sandbox: the state behind every import, and what the manifest grants of it.
//! Every store carries its component's `Grants`; each capability asks them before it acts.

mod allowed_hosts;
pub(crate) mod bindings;
mod carried;
mod http_client;
mod https;
mod key_value;
mod log_budget;
mod names;
mod oldest;
mod redis;
mod sockets;
mod stdio;
mod variables;
mod wasi;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use wasmtime::Engine;
use wasmtime::component::{HasData, Linker, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use super::EdgeError;
use super::cpu::Cpu;
use super::engine::Alive;
use super::manifest::{Component, Configuration, Inherit, Mount};
use super::serve::Chain;
use super::swap::Caller;
use super::usage::{Memory, Usage};

pub use allowed_hosts::AllowedHosts;
pub(crate) use allowed_hosts::Reach;
use carried::Carried;
use http_client::HttpClient;
pub(crate) use https::Trust;
pub use key_value::KeyValue;
use key_value::KeyValueAccess;
pub(crate) use log_budget::LogBudget;
pub(crate) use redis::RedisPool;
use sockets::{SocketAccess, Taken};

/// Requests that one component may have on their way at a time; more wait, and are refused after a while.
const MAX_OUTBOUND: usize = 256;

/// The headers of one request or answer, bytes as the host keeps them: the largest head that it takes, and what each of its
/// lines costs beside.
const LARGEST_FIELDS: usize = 128 << 10;
/// Resources of the host that one instance may have, however little memory it is given.
const FEWEST_RESOURCES: usize = 512;

/// What all components share: one pool of Redis connections a host.
#[derive(Clone)]
pub(crate) struct Shared {
    pub redis: Arc<RedisPool>,
    pub key_value: Option<Arc<KeyValue>>,
    /// Whom requests by TLS trust.
    pub trust: Arc<Trust>,
    /// Where requests to the application's own components go.
    pub chain: Arc<Chain>,
}

/// What an instance may take, unless the manifest says otherwise.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    /// Linear memory, bytes.
    pub memory: usize,
    /// Computing, for one request.
    pub cpu_time: Duration,
}

/// What the manifest grants one component. Holds secrets: no `Debug`.
pub(crate) struct Grants {
    pub component: Arc<str>,
    pub variables: HashMap<String, String>,
    pub environment: BTreeMap<String, String>,
    pub allowed_hosts: AllowedHosts,
    pub mounts: Vec<Mount>,
    pub memory: usize,
    pub cpu_time: Duration,
    pub redis: redis::RedisAccess,
    pub key_value: KeyValueAccess,
    pub sockets: SocketAccess,
    pub http: Arc<HttpClient>,
    /// Requests that it may have on their way at a time.
    pub outbound: Arc<Semaphore>,
    pub log: Arc<LogBudget>,
    /// Where its use is counted.
    pub usage: Arc<Usage>,
}

impl Grants {
    /// The grants of `component`.
    pub fn of(component: &Component, bounds: &Bounds, shared: &Shared, usage: Arc<Usage>) -> Self {
        Self {
            component: component.id.as_str().into(),
            variables: component.variables.clone(),
            environment: component.environment.clone(),
            allowed_hosts: component.allowed_hosts.clone(),
            mounts: component.mounts.clone(),
            memory: component.limits.memory.unwrap_or(bounds.memory),
            cpu_time: component.limits.cpu_time.unwrap_or(bounds.cpu_time),
            redis: redis::RedisAccess::new(shared.redis.clone()),
            key_value: KeyValueAccess::new(
                component.key_value_stores.clone(),
                shared.redis.clone(),
                shared.key_value.clone(),
            ),
            sockets: SocketAccess::new(&component.allowed_hosts),
            http: Arc::new(HttpClient::new(shared.trust.clone(), shared.chain.clone())),
            outbound: Arc::new(Semaphore::new(MAX_OUTBOUND)),
            log: Arc::default(),
            usage,
        }
    }

    /// What a dependency called `name` may use of these. Its use counts as its own.
    pub fn inherited(mut self, name: &str, inherit: &Inherit, usage: Arc<Usage>) -> Self {
        self.component = name.into();
        self.usage = usage;
        if !inherit.includes(Configuration::Variables) {
            self.variables.clear();
        }
        if !inherit.includes(Configuration::Environment) {
            self.environment.clear();
        }
        if !inherit.includes(Configuration::AllowedOutboundHosts) {
            self.allowed_hosts = AllowedHosts::default();
            self.sockets = SocketAccess::new(&self.allowed_hosts);
        }
        if !inherit.includes(Configuration::KeyValueStores) {
            self.key_value.clear();
        }
        if !inherit.includes(Configuration::Files) {
            self.mounts.clear();
        }
        self
    }
}

/// The data of every store.
pub(crate) struct HostState {
    pub table: ResourceTable,
    pub grants: Arc<Grants>,
    pub limits: Memory,
    pub cpu: Cpu,
    pub carried: Carried,
    /// Key-value stores that are open.
    pub stores_open: usize,
    /// Of the component's sockets.
    places_taken: Taken,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    outbound: http_client::Outbound,
    _alive: Alive,
}

impl HostState {
    /// The instance answers requests that are inside so many chained calls.
    pub fn chained(&mut self, depth: usize) {
        self.outbound.depth = depth;
    }

    /// It is asked one thing more, by this caller, which has this place in its trace (`traceparent`), if in any.
    pub fn begin(&mut self, traceparent: Option<String>, caller: Caller) {
        self.cpu.begin();
        self.outbound.traceparent = traceparent;
        self.outbound.caller = Some(caller);
    }

    /// The place of what it was asked last: until it is at rest it is asked nothing else.
    pub fn traceparent(&self) -> Option<String> {
        self.outbound.traceparent.clone()
    }

    /// Whether it has taken something that only its end gives back.
    pub fn is_spent(&self) -> bool {
        self.places_taken.is_any()
    }

    /// Fresh state for one instance.
    pub fn new(grants: Arc<Grants>, alive: Alive) -> wasmtime::Result<Self> {
        // What a guest has the host keep for it is bounded like its own memory, also where each is as large as it can be.
        let mut table = ResourceTable::new();
        table.set_max_capacity((grants.memory / LARGEST_FIELDS).max(FEWEST_RESOURCES));
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(LARGEST_FIELDS);
        Ok(Self {
            table,
            limits: Memory::new(grants.memory, grants.usage.clone()),
            carried: Carried::new(grants.memory),
            cpu: Cpu::new(grants.cpu_time, grants.usage.clone()),
            stores_open: 0,
            places_taken: Taken::default(),
            wasi: wasi::context(&grants)?,
            http,
            outbound: http_client::Outbound::new(grants.clone()),
            grants,
            _alive: alive,
        })
    }
}

impl WasiView for HostState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for HostState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.outbound }
    }
}

/// Projects a store's data onto itself for the generated bindings.
pub(crate) struct HasHost;

impl HasData for HasHost {
    type Data<'a> = &'a mut HostState;
}

/// Everything this host offers to an application's components.
pub(crate) fn linker(engine: &Engine) -> Result<Linker<HostState>, EdgeError> {
    let mut linker = Linker::new(engine);
    add_all(&mut linker).map_err(EdgeError::engine)?;
    Ok(linker)
}

fn add_all(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    wasmtime_wasi::p3::add_to_linker(linker)?;
    sockets::count(linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)?;
    wasmtime_wasi_http::p3::add_to_linker(linker)?;
    bindings::redis::add_to_linker::<_, HasHost>(linker, |state| state)?;
    bindings::variables::add_to_linker::<_, HasHost>(linker, |state| state)?;
    bindings::key_value::add_to_linker::<_, HasHost>(linker, |state| state)?;
    bindings::older::redis::add_to_linker::<_, HasHost>(linker, |state| state)?;
    bindings::older::variables::add_to_linker::<_, HasHost>(linker, |state| state)?;
    bindings::older::key_value::add_to_linker::<_, HasHost>(linker, |state| state)?;
    bindings::drafts::store::add_to_linker::<_, HasHost>(linker, |state| state)?;
    bindings::drafts::batch::add_to_linker::<_, HasHost>(linker, |state| state)?;
    bindings::drafts::atomics::add_to_linker::<_, HasHost>(linker, |state| state)?;
    bindings::drafts::config::add_to_linker::<_, HasHost>(linker, |state| state)?;
    oldest::add_to_linker(linker)
}
