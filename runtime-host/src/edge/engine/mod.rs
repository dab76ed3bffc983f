//! The WebAssembly engine: pooled instances, copy-on-write memories, and a clock that lets no guest keep a thread.
//! One engine a host; dropping it stops its clock.

mod cache;
mod compiler;
mod living;
mod precompiled;
pub(super) mod rights;
mod threads;
mod ticker;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use wasmtime::component::Component;
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};

use super::EdgeError;
use super::capabilities::{Grants, HostState};
use super::recipe::Recipe;
use cache::Cache;
use compiler::Compiler;
pub use compiler::{Uncompiled, compile};
pub(crate) use living::Alive;
use living::Living;
pub(crate) use threads::{aside, at_the_start, join, on_all_cores};
use ticker::Ticker;

/// What one instance may grow to, unless the manifest says otherwise.
pub(crate) const DEFAULT_MEMORY: usize = 128 << 20;
/// The most that a manifest can give one instance; address space of the pool is laid out for it.
pub(crate) const MAX_MEMORY: usize = 1 << 30;
/// What one may have beside: as much as on Spin. Address space as well, where it is space at all.
const TABLE_ELEMENTS: usize = 100_000;
const INSTANCE_SIZE: usize = 10 << 20;
/// Of an instance's memory there is a handle for each so many bytes: as much as the host keeps for one, about.
const BYTES_A_HANDLE: usize = 2 << 10;
/// What every instance may hold, however small: what a request is made of takes a few dozen.
const FEWEST_HANDLES: usize = 1000;
const PER_MODULE: u32 = 2;
/// A composed component is several core modules and, between them, the memories of those that are programs.
const CORE_PER_INSTANCE: u32 = 8;
const MEMORIES_PER_INSTANCE: u32 = 3;

/// The engine with its compile cache and its clock.
#[derive(Clone)]
pub(crate) struct EdgeEngine {
    engine: Engine,
    cache: Option<Arc<Cache>>,
    compiler: Option<Arc<Compiler>>,
    living: Arc<Living>,
    _ticker: Arc<Ticker>,
}

impl EdgeEngine {
    /// Starts the engine with room for so many `instances` of composed components at a time; compiled code is kept in
    /// `cache_dir` when one is given, and is compiled by `compiler`, a program, when there is one as well.
    pub fn new(cache_dir: Option<&Path>, compiler: Option<PathBuf>, instances: u32) -> Result<Self, EdgeError> {
        let engine = Engine::new(&config(instances)).map_err(EdgeError::engine)?;
        let living = Arc::new(Living::new(instances as usize));
        let cache = cache_dir.map(Cache::open).transpose()?.map(Arc::new);
        let clock = engine.clone();
        let ticker = Arc::new(Ticker::start(living.clone(), move || clock.increment_epoch())?);
        let compiler = compiler.map(|program| Arc::new(Compiler { program }));
        Ok(Self { engine, cache, compiler, living, _ticker: ticker })
    }

    /// The engine itself.
    pub fn inner(&self) -> &Engine {
        &self.engine
    }

    /// Finds what was compiled by this recipe, or has it `composed` and compiles it. Takes a second or so of every core: not
    /// for an async task.
    pub fn compile(
        &self,
        id: &str,
        recipe: &Recipe,
        composed: impl FnOnce() -> Result<Vec<u8>, EdgeError>,
    ) -> Result<Component, EdgeError> {
        let started = std::time::Instant::now();
        let found = self.cache.as_ref().and_then(|cache| cache.find(&self.engine, recipe));
        let cached = found.is_some();
        let component = match found {
            Some(component) => component,
            None => {
                let bytes = composed()?;
                let elsewhere = self.compile_elsewhere(id, recipe, &bytes).transpose()?;
                elsewhere.map_or_else(|| self.compile_here(id, recipe, &bytes), Ok)?
            }
        };
        tracing::debug!(component = id, cached, ms = started.elapsed().as_millis() as u64, "component ready");
        Ok(component)
    }

    /// In a process of its own, if that can be had; its code comes from the cache then.
    fn compile_elsewhere(&self, id: &str, recipe: &Recipe, bytes: &[u8]) -> Option<Result<Component, EdgeError>> {
        let (cache, compiler) = (self.cache.as_ref()?, self.compiler.as_ref()?);
        let made = cache.fill(&self.engine, recipe, |code| compiler.compile(id, bytes, code));
        made.inspect_err(
            |error| tracing::warn!(component = id, %error, "no process of its own to compile in, it is done here"),
        )
        .ok()
    }

    fn compile_here(&self, id: &str, recipe: &Recipe, bytes: &[u8]) -> Result<Component, EdgeError> {
        let component = Component::from_binary(&self.engine, bytes).map_err(|error| self.unfit(id, bytes, &error))?;
        if let Some(cache) = &self.cache {
            cache.keep(&self.engine, recipe, &component);
        }
        Ok(component)
    }

    /// What can be compiled and not be taken up is too large for the pool.
    fn unfit(&self, id: &str, bytes: &[u8], error: &wasmtime::Error) -> EdgeError {
        let message = format!("{error:#}");
        match self.engine.precompile_component(bytes) {
            Ok(_) => EdgeError::TooLarge { place: format!("component {id:?}").into(), message },
            Err(_) => EdgeError::NotAComponent { component: id.to_owned(), message },
        }
    }

    /// Whether there are so many instances that none is kept for later: what requests in work may have is always left.
    pub fn is_crowded(&self) -> bool {
        self.living.is_crowded()
    }

    /// A store for one instance of the component these grants belong to.
    pub fn store(&self, grants: &Arc<Grants>) -> wasmtime::Result<Store<HostState>> {
        let mut store = Store::new(&self.engine, HostState::new(grants.clone(), self.living.one_more())?);
        store.limiter(|state| &mut state.limits);
        // One call can name the same memory many times, so what it has the host copy is bounded beside.
        store.set_hostcall_fuel(store.hostcall_fuel().min(grants.memory));
        // So is what the host keeps for its handles, calls that are not waited for among them.
        let handles = (grants.memory / BYTES_A_HANDLE).max(FEWEST_HANDLES);
        store.set_max_component_handles(handles);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|mut context| context.data_mut().cpu.tick());
        Ok(store)
    }
}

fn config(instances: u32) -> Config {
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(instances)
        .total_core_instances(instances * CORE_PER_INSTANCE)
        .total_memories(instances * MEMORIES_PER_INSTANCE)
        .total_tables(instances * CORE_PER_INSTANCE)
        // Only half of the instances are asked at a time, an idle one has no stack, and laying one out is a system call.
        .total_stacks(instances)
        .max_memory_size(MAX_MEMORY)
        .table_elements(TABLE_ELEMENTS)
        .max_component_instance_size(INSTANCE_SIZE)
        .max_core_instance_size(INSTANCE_SIZE)
        .max_tables_per_module(PER_MODULE)
        .max_memories_per_module(PER_MODULE)
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
