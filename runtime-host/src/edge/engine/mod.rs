//! The WebAssembly engine: pooled instances, copy-on-write memories, and a clock that lets no guest keep a thread.
//! One engine a host; dropping it stops its clock.

mod cache;
mod precompiled;
mod threads;
mod ticker;

use std::path::Path;
use std::sync::Arc;

use wasmtime::component::Component;
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};

use super::EdgeError;
use super::capabilities::{Grants, HostState};
use cache::Cache;
pub(crate) use threads::{aside, on_all_cores};
pub(crate) use ticker::TICK;
use ticker::Ticker;

/// What one instance may grow to, unless the manifest says otherwise.
pub(crate) const DEFAULT_MEMORY: usize = 128 << 20;
/// The most that a manifest can give one instance; address space of the pool is laid out for it.
pub(crate) const MAX_MEMORY: usize = 1 << 30;
/// Instances of composed components at one time; admission keeps requests below it.
pub(crate) const MAX_INSTANCES: u32 = 2000;
/// A composed component is several core modules and, between them, the memories of those that are programs.
const CORE_PER_INSTANCE: u32 = 8;
const MEMORIES_PER_INSTANCE: u32 = 3;

/// The engine with its compile cache and its clock.
#[derive(Clone)]
pub(crate) struct EdgeEngine {
    engine: Engine,
    cache: Option<Arc<Cache>>,
    _ticker: Arc<Ticker>,
}

impl EdgeEngine {
    /// Starts the engine; compiled code is kept in `cache_dir` when one is given.
    pub fn new(cache_dir: Option<&Path>) -> Result<Self, EdgeError> {
        let engine = Engine::new(&config()).map_err(EdgeError::engine)?;
        let cache = cache_dir.map(Cache::open).transpose()?.map(Arc::new);
        let ticker = Arc::new(Ticker::start(engine.clone())?);
        Ok(Self { engine, cache, _ticker: ticker })
    }

    /// The engine itself.
    pub fn inner(&self) -> &Engine {
        &self.engine
    }

    /// Compiles `bytes`, or finds them compiled. Takes a second or so of every core: not for an async task.
    pub fn compile(&self, id: &str, bytes: &[u8]) -> Result<Component, EdgeError> {
        let started = std::time::Instant::now();
        let (component, cached) = match &self.cache {
            Some(cache) => cache.component(&self.engine, bytes),
            None => Component::from_binary(&self.engine, bytes).map(|component| (component, false)),
        }
        .map_err(|error| EdgeError::NotAComponent { component: id.to_owned(), message: format!("{error:#}") })?;
        tracing::debug!(component = id, cached, ms = started.elapsed().as_millis() as u64, "component ready");
        Ok(component)
    }

    /// A store for one instance of the component these grants belong to.
    pub fn store(&self, grants: &Arc<Grants>) -> wasmtime::Result<Store<HostState>> {
        let mut store = Store::new(&self.engine, HostState::new(grants.clone())?);
        store.limiter(|state| &mut state.limits);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|mut context| context.data_mut().cpu.tick());
        Ok(store)
    }
}

fn config() -> Config {
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(MAX_INSTANCES)
        .total_core_instances(MAX_INSTANCES * CORE_PER_INSTANCE)
        .total_memories(MAX_INSTANCES * MEMORIES_PER_INSTANCE)
        .total_tables(MAX_INSTANCES * CORE_PER_INSTANCE)
        .total_stacks(MAX_INSTANCES * 2)
        .max_memory_size(MAX_MEMORY)
        .max_unused_warm_slots(64)
        .linear_memory_keep_resident(0)
        .table_keep_resident(0);
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .memory_init_cow(true)
        .epoch_interruption(true)
        .wasm_component_model_async(true);
    config
}
