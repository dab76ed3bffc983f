//! From files to linked components: each source is read once, composed with its dependencies, and compiled beside the
//! others.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};
use wasmtime::component::{Component as Compiled, InstancePre, Linker};
use wasmtime_wasi_http::handler::ProxyPre;
use wasmtime_wasi_http::p3::bindings::ServicePre;

use super::capabilities::{self, Grants, HostState, HttpClient, RedisPool, Shared};
use super::compose::{self, InterfaceName, Part};
use super::engine::{DEFAULT_MEMORY, EdgeEngine, MAX_MEMORY};
use super::manifest::{Application, Component, DependencySource};
use super::providers::Provider;
use super::serve::{Admission, ComponentHandler, HandlerSettings, Router};
use super::usage::Usage;
use super::{EdgeError, EdgeOptions, ServeOptions};

/// Exports that native code asks, with or without a route to them.
const NATIVE_EXPORTS: [&str; 2] = ["image2model:guard/guard", "image2model:provider/model"];

/// A loaded application before it is served.
pub(super) struct Loaded {
    pub application: Application,
    pub engine: EdgeEngine,
    pub shared: Shared,
    /// SHA-256 of each component's file.
    pub digests: BTreeMap<String, String>,
    usages: BTreeMap<String, Arc<Usage>>,
    compiled: BTreeMap<String, Compiled>,
    linker: Linker<HostState>,
}

impl Loaded {
    pub fn new(options: &EdgeOptions) -> Result<Self, EdgeError> {
        let application = Application::load(&options.manifest_path, &options.variables)?;
        let engine = EdgeEngine::new(options.cache_dir.as_deref())?;
        let (composed, digests) = composed(&application)?;
        let compiled = compile_all(&engine, &composed)?;
        let linker = capabilities::linker(engine.inner())?;
        let shared = Shared { redis: Arc::new(RedisPool::default()), http: HttpClient::new() };
        let usages = application.components.keys().map(|id| (id.clone(), Arc::default())).collect();
        Ok(Self { application, engine, shared, digests, usages, compiled, linker })
    }

    /// A handler for every component with a route, and the routes to them.
    pub fn router(&self, options: &ServeOptions) -> Result<Router, EdgeError> {
        let admission = Admission::new(options.max_requests, options.queue_wait);
        let mut handlers: HashMap<&str, Arc<ComponentHandler>> = HashMap::new();
        let mut routes = Vec::with_capacity(self.application.routes.len());
        for route in &self.application.routes {
            let component = self.component(&route.component)?;
            let handler = match handlers.get(component.id.as_str()) {
                Some(handler) => handler.clone(),
                None => {
                    let admission = admission.for_component(component.limits.max_concurrent);
                    let handler = Arc::new(ComponentHandler::new(
                        self.engine.clone(),
                        self.http_component(component)?,
                        Arc::new(self.grants(component)?),
                        admission,
                        settings(component, options),
                    ));
                    handlers.insert(&component.id, handler.clone());
                    handler
                }
            };
            routes.push((route.pattern.clone(), handler));
        }
        Router::new(routes)
    }

    /// The components that export `image2model:provider/model`, which must not import anything.
    pub fn providers(&self) -> Result<Vec<Provider>, EdgeError> {
        let mut providers = Vec::new();
        for (id, compiled) in &self.compiled {
            if self.exports(compiled, "image2model:provider/model") {
                let component = self.component(id)?;
                let pre = self.instance_pre(id, compiled, &Linker::new(self.engine.inner()))?;
                let grants = Arc::new(self.grants(component)?);
                providers.push(Provider::new(id, self.engine.clone(), pre, grants)?);
            }
        }
        Ok(providers)
    }

    /// A component of the manifest.
    pub fn component(&self, id: &str) -> Result<&Component, EdgeError> {
        self.application
            .components
            .get(id)
            .ok_or_else(|| EdgeError::NoSuchComponent { component: id.into(), wanted: "exists".into() })
    }

    /// A compiled component, linked with everything the host offers.
    pub fn linked(&self, id: &str) -> Result<InstancePre<HostState>, EdgeError> {
        let compiled = self
            .compiled
            .get(id)
            .ok_or_else(|| EdgeError::NoSuchComponent { component: id.into(), wanted: "was compiled".into() })?;
        self.instance_pre(id, compiled, &self.linker)
    }

    /// What the manifest grants `component`.
    pub fn grants(&self, component: &Component) -> Result<Grants, EdgeError> {
        if component.limits.memory.is_some_and(|memory| memory > MAX_MEMORY) {
            let message = format!("`memory_mb` can be at most {}", MAX_MEMORY >> 20);
            return Err(EdgeError::invalid(format!("component {:?}", component.id), message));
        }
        if let Some(mount) = component.mounts.iter().find(|mount| !mount.source.is_dir()) {
            let message = format!("`files`: {} is not a folder", mount.source.display());
            return Err(EdgeError::invalid(format!("component {:?}", component.id), message));
        }
        Ok(Grants::of(component, DEFAULT_MEMORY, &self.shared, self.usage(&component.id)))
    }

    /// The counters of a component.
    pub fn usage(&self, id: &str) -> Arc<Usage> {
        self.usages.get(id).cloned().unwrap_or_default()
    }

    pub fn component_ids(&self) -> Vec<String> {
        let mut ids: Vec<String> = Vec::new();
        let routed = self.application.routes.iter().map(|route| &route.component);
        for id in routed.chain(self.application.components.keys()) {
            if !ids.contains(id) {
                ids.push(id.clone());
            }
        }
        ids
    }

    fn http_component(&self, component: &Component) -> Result<ProxyPre<HostState>, EdgeError> {
        let pre = ServicePre::new(self.linked(&component.id)?).map_err(|error| EdgeError::Link {
            component: component.id.clone(),
            message: format!("it has a route, so it must export wasi:http/handler@0.3.0: {error:#}"),
        })?;
        Ok(ProxyPre::P3(pre))
    }

    fn instance_pre(
        &self,
        id: &str,
        compiled: &Compiled,
        linker: &Linker<HostState>,
    ) -> Result<InstancePre<HostState>, EdgeError> {
        linker
            .instantiate_pre(compiled)
            .map_err(|error| EdgeError::Link { component: id.into(), message: format!("{error:#}") })
    }

    fn exports(&self, compiled: &Compiled, path: &str) -> bool {
        compiled
            .component_type()
            .exports(self.engine.inner())
            .any(|(name, _)| InterfaceName::parse(name).path() == path)
    }
}

fn settings(component: &Component, options: &ServeOptions) -> HandlerSettings {
    HandlerSettings {
        request_timeout: component.limits.request_timeout.unwrap_or(options.request_timeout),
        request_deadline: options.request_deadline,
        body_deadline: options.body_deadline,
        idle: options.idle,
        reuse: options.reuse,
        concurrent: options.concurrent_per_instance,
    }
}

/// By id: composed components, and digests of the files they were made from.
type Composed = (BTreeMap<String, Vec<u8>>, BTreeMap<String, String>);

/// The components that are instantiated here, each joined with its dependencies: those with routes and those that native
/// code asks.
fn composed(application: &Application) -> Result<Composed, EdgeError> {
    let mut sources = Sources { application, files: HashMap::new() };
    let routed: BTreeSet<&str> = application.routes.iter().map(|route| route.component.as_str()).collect();
    let mut composed = BTreeMap::new();
    for (id, component) in &application.components {
        let mut native = || -> Result<bool, EdgeError> {
            let exports = compose::exports(id, &sources.read(id, &component.source)?)?;
            Ok(exports.iter().any(|name| NATIVE_EXPORTS.contains(&InterfaceName::parse(name).path().as_str())))
        };
        if routed.contains(id.as_str()) || native()? {
            composed.insert(id.clone(), sources.compose(component, &mut Vec::new())?);
        }
    }
    Ok((composed, sources.digests()))
}

/// Files, read once each.
struct Sources<'a> {
    application: &'a Application,
    files: HashMap<std::path::PathBuf, Arc<[u8]>>,
}

impl Sources<'_> {
    fn read(&mut self, id: &str, path: &Path) -> Result<Arc<[u8]>, EdgeError> {
        if let Some(bytes) = self.files.get(path) {
            return Ok(bytes.clone());
        }
        let bytes: Arc<[u8]> = std::fs::read(path)
            .map_err(|source| EdgeError::Read { what: format!("component {id:?}"), path: path.into(), source })?
            .into();
        self.files.insert(path.into(), bytes.clone());
        Ok(bytes)
    }

    /// Of every file that was read, by the component it belongs to.
    fn digests(&self) -> BTreeMap<String, String> {
        let of = |component: &Component| {
            let bytes = self.files.get(&component.source)?;
            Some((component.id.clone(), format!("sha256:{}", hex::encode(Sha256::digest(bytes)))))
        };
        self.application.components.values().filter_map(of).collect()
    }

    /// `component` with everything it depends on. `above` are the components that depend on it, to find circles.
    fn compose(&mut self, component: &Component, above: &mut Vec<String>) -> Result<Vec<u8>, EdgeError> {
        if above.contains(&component.id) {
            return Err(EdgeError::Composition {
                component: component.id.clone(),
                dependency: above.last().cloned().unwrap_or_default(),
                message: format!("they depend on each other: {} → {}", above.join(" → "), component.id),
            });
        }
        let bytes = self.read(&component.id, &component.source)?;
        above.push(component.id.clone());
        let mut parts = Vec::with_capacity(component.dependencies.len());
        for dependency in &component.dependencies {
            parts.push(match &dependency.source {
                DependencySource::Component(id) => {
                    let application = self.application;
                    let target = application.components.get(id).ok_or_else(|| EdgeError::NoSuchComponent {
                        component: id.clone(),
                        wanted: format!("{:?} depends on", component.id),
                    })?;
                    (dependency, id.clone(), self.compose(target, above)?)
                }
                DependencySource::Path(path) => {
                    let name = path.display().to_string();
                    let bytes = self.read(&name, path)?.to_vec();
                    (dependency, name, bytes)
                }
            });
        }
        above.pop();
        let parts: Vec<Part<'_>> =
            parts.iter().map(|(dependency, name, bytes)| Part { dependency, name: name.clone(), bytes }).collect();
        compose::compose(component, &bytes, &parts)
    }
}

/// Compiles on as many threads as there are cores.
fn compile_all(
    engine: &EdgeEngine,
    composed: &BTreeMap<String, Vec<u8>>,
) -> Result<BTreeMap<String, Compiled>, EdgeError> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(composed.len().max(1));
    let work = Mutex::new(composed.iter());
    let done = Mutex::new(BTreeMap::new());
    let run = || -> Result<(), EdgeError> {
        loop {
            let next = work.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((id, bytes)) = next else { return Ok(()) };
            let compiled = engine.compile(id, bytes)?;
            done.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), compiled);
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        workers.into_iter().try_for_each(|worker| {
            worker.join().unwrap_or_else(|_| Err(EdgeError::Engine("the compiler panicked".into())))
        })
    })?;
    Ok(done.into_inner().unwrap_or_else(PoisonError::into_inner))
}
