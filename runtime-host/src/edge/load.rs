//! What stays as it is while an application runs: its manifest, the engine, what each component is granted; and how
//! components are made ready for it. Every release of a component shares all of this.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio_util::task::TaskTracker;
use wasmtime::component::{Component as Compiled, InstancePre, Linker};
use wasmtime_wasi_http::handler::ProxyPre;
use wasmtime_wasi_http::p2;
use wasmtime_wasi_http::p3::bindings::ServicePre;

use super::capabilities::{self, Bounds, Grants, HostState, RedisPool, Shared, Trust};
use super::check;
use super::compose::{self, InterfaceName};
use super::engine::{DEFAULT_MEMORY, EdgeEngine, join};
use super::guard::GuardPlugPre;
use super::manifest::{Application, Component, Dependency, DependencySource, Route};
use super::providers::ProviderPlugPre;
use super::recipe::Recipe;
use super::serve::{Admission, ComponentHandler, HandlerSettings};
use super::sources::{Overrides, Sources};
use super::swap::Built;
use super::usage::Usage;
use super::{EdgeError, EdgeOptions, ServeOptions};

const GUARD: &str = "image2model:guard/guard";
const MIB: u64 = 1 << 20;
/// What WebAssembly counts memory in, bytes.
const PAGE: u64 = 1 << 16;
const PROVIDER: &str = "image2model:provider/model";

/// See the module.
pub(super) struct Loaded {
    pub application: Application,
    pub engine: EdgeEngine,
    pub shared: Shared,
    /// The components that are instantiated here, by id.
    pub roots: BTreeMap<String, Root>,
    bounds: Bounds,
    usages: BTreeMap<String, Arc<Usage>>,
    linker: Linker<HostState>,
    /// Guests that go on by themselves.
    pub behind: TaskTracker,
}

/// A component that is instantiated, joined with its dependencies: one with a route, or one that native code asks.
pub(super) struct Root {
    /// The component itself.
    pub component: String,
    /// What stands in front of it, outermost first.
    middleware: Vec<Dependency>,
    /// Itself and every component that is composed into it.
    pub parts: BTreeSet<String>,
    pub grants: Arc<Grants>,
    /// For requests; nothing for one without a route.
    serving: Option<(Admission, HandlerSettings)>,
}

impl Loaded {
    /// Reads the manifest and the files it names.
    pub fn new(options: &EdgeOptions) -> Result<(Self, Sources), EdgeError> {
        let application = Application::load(&options.manifest_path, &options.variables, options.profile.as_deref())?;
        let cache_dir = options.cache_dir.as_deref();
        // Each takes some milliseconds of a start that has little else to do.
        let (sources, engine) = join(
            || Sources::read(&application, cache_dir, &options.logins),
            || EdgeEngine::new(cache_dir, options.compiler.clone(), options.serve.instances),
        );
        let (sources, engine) = (sources?, engine?);
        let trust = Trust::new(options.authorities.as_deref())?;
        let linker = capabilities::linker(engine.inner())?;
        let key_value = options.key_value.clone().map(Arc::new);
        let shared = Shared { redis: Arc::new(RedisPool::default()), key_value, trust, chain: Arc::default() };
        let bounds = Bounds { memory: DEFAULT_MEMORY, cpu_time: options.serve.cpu_time };
        let usages = application.components.keys().map(|id| (id.clone(), Arc::default())).collect();
        let (roots, behind) = (BTreeMap::new(), TaskTracker::new());
        let mut loaded = Self { application, engine, shared, roots, bounds, usages, linker, behind };
        loaded.roots = loaded.find_roots(&sources, &options.serve)?;
        Ok((loaded, sources))
    }

    fn find_roots(&self, sources: &Sources, options: &ServeOptions) -> Result<BTreeMap<String, Root>, EdgeError> {
        // Whoever has a place finds an instance; the other half is for what goes on behind answers and for native calls.
        let places = options.max_requests.min((options.instances / 2).max(1) as usize);
        let admission = Admission::new(places, options.max_queued, options.queue_wait);
        let mut roots = BTreeMap::new();
        for (id, component) in &self.application.components {
            let routes: Vec<&Route> = self.application.routes.iter().filter(|route| route.component == *id).collect();
            let native = compose::exports(id, sources.of(component)?)?.iter().any(|name| {
                let path = InterfaceName::parse(name).path();
                path == GUARD || path == PROVIDER
            });
            if routes.is_empty() && !native {
                continue;
            }
            let grants = Arc::new(self.grants(component)?);
            // One component has one set of places, whatever stands in front of it.
            let serving = (admission.for_component(&component.limits), self.settings(component, options));
            let root = |middleware: &[Dependency], serving| Root {
                component: id.clone(),
                middleware: middleware.to_vec(),
                parts: self.parts(component, middleware),
                grants: grants.clone(),
                serving,
            };
            for route in &routes {
                let made = || root(&route.middleware, Some(serving.clone()));
                roots.entry(route.root.clone()).or_insert_with(made);
            }
            if native && !roots.contains_key(id) {
                roots.insert(id.clone(), root(&[], None));
            }
        }
        Ok(roots)
    }

    fn settings(&self, component: &Component, options: &ServeOptions) -> HandlerSettings {
        HandlerSettings {
            request_timeout: component.limits.request_timeout.unwrap_or(options.request_timeout),
            request_deadline: component.limits.request_deadline.unwrap_or(options.request_deadline),
            body_deadline: component.limits.stream.unwrap_or(options.body_deadline),
            max_body: component.limits.max_body,
            idle: options.idle,
            reuse: options.reuse,
            behind: self.behind.clone(),
        }
    }

    /// The component and all that it depends on, directly or not, with what stands in front of it.
    fn parts(&self, component: &Component, middleware: &[Dependency]) -> BTreeSet<String> {
        let named = |dependency: &Dependency| match &dependency.source {
            DependencySource::Component(id) => self.application.components.get(id),
            DependencySource::Code(_) => None,
        };
        let mut found = BTreeSet::new();
        let mut waiting: Vec<&Component> = middleware.iter().filter_map(named).collect();
        waiting.push(component);
        while let Some(next) = waiting.pop() {
            if found.insert(next.id.clone()) {
                waiting.extend(next.dependencies.iter().filter_map(named));
            }
        }
        found
    }

    /// What one root is composed from. Where `overrides` have a release, that is taken.
    pub fn recipe(&self, sources: &Sources, id: &str, overrides: &Overrides) -> Result<Recipe, EdgeError> {
        let root = self.root(id)?;
        Recipe::of(id, &self.application, sources, self.component(&root.component)?, &root.middleware, overrides)
    }

    /// Joins one root with all that belongs to it, compiles and links it. Takes a second or so: not for an async task.
    pub fn build(&self, sources: &Sources, id: &str, overrides: &Overrides) -> Result<Built, EdgeError> {
        let root = self.root(id)?;
        let compiled = self.engine.compile(id, &self.recipe(sources, id, overrides)?, || {
            sources.compose(&self.application, self.component(&root.component)?, &root.middleware, overrides)
        });
        let compiled = compiled.map_err(|error| match error {
            EdgeError::TooLarge { message, .. } => {
                EdgeError::TooLarge { place: self.application.place(&root.component, &["source"]), message }
            }
            error => error,
        })?;
        self.has_room(&root.component, root.grants.memory, &compiled)?;
        let is = |path: &str| self.exports(&compiled, path);
        // A provider computes and does nothing else: it is offered nothing.
        let nothing = Linker::new(self.engine.inner());
        let provider = is(PROVIDER).then(|| self.instance_pre(id, &compiled, &nothing)).transpose()?;
        let provider = provider.map(ProviderPlugPre::new).transpose().map_err(|error| link(id, &error))?;
        let guard = is(GUARD).then(|| self.instance_pre(id, &compiled, &self.linker)).transpose()?;
        let guard = guard.map(GuardPlugPre::new).transpose().map_err(|error| link(id, &error))?;
        let handler = match &root.serving {
            None => None,
            Some((admission, settings)) => Some(Arc::new(ComponentHandler::new(
                self.engine.clone(),
                http(id, self.instance_pre(id, &compiled, &self.linker)?)?,
                root.grants.clone(),
                admission.clone(),
                settings.clone(),
            ))),
        };
        Ok(Built { root: id.to_owned(), grants: root.grants.clone(), handler, guard, provider })
    }

    /// A component that does not fit its memory when it is new never starts, whatever it is asked.
    fn has_room(&self, id: &str, room: usize, compiled: &Compiled) -> Result<(), EdgeError> {
        let pages = compiled.resources_required().and_then(|resources| resources.max_initial_memory_size);
        let (least, room) = (pages.unwrap_or_default().saturating_mul(PAGE), room as u64);
        if least <= room {
            return Ok(());
        }
        let place = self.application.place(id, &["tool", "image2model", "memory_mb"]);
        let message =
            format!("begins with {} MiB of memory and may have {} (`memory_mb`)", least.div_ceil(MIB), room / MIB);
        Err(EdgeError::invalid(place, message))
    }

    fn root(&self, id: &str) -> Result<&Root, EdgeError> {
        self.roots.get(id).ok_or_else(|| no_such(id, "is instantiated"))
    }

    /// A component of the manifest.
    pub fn component(&self, id: &str) -> Result<&Component, EdgeError> {
        self.application.components.get(id).ok_or_else(|| no_such(id, "exists"))
    }

    /// What the manifest grants `component`.
    pub fn grants(&self, component: &Component) -> Result<Grants, EdgeError> {
        if let Some((index, mount)) = component.mounts.iter().enumerate().find(|(_, mount)| !mount.source.is_dir()) {
            let message = format!("`files`: {} is not a folder", mount.source.display());
            let place = self.application.place(&component.id, &["files", index.to_string().as_str()]);
            return Err(EdgeError::invalid(place, message));
        }
        Ok(Grants::of(component, &self.bounds, &self.shared, self.usage(&component.id)))
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

    fn instance_pre(
        &self,
        id: &str,
        compiled: &Compiled,
        linker: &Linker<HostState>,
    ) -> Result<InstancePre<HostState>, EdgeError> {
        linker.instantiate_pre(compiled).map_err(|error| {
            let surface = compiled.component_type();
            let imports = surface.imports(self.engine.inner()).map(|(name, _)| name);
            let unknown: Vec<&str> = imports.filter(|name| !check::is_answered(name)).collect();
            match unknown.as_slice() {
                [] => link(id, &error),
                unknown => EdgeError::Link {
                    component: id.to_owned(),
                    message: format!("nothing here answers {}, which it imports", unknown.join(", ")),
                },
            }
        })
    }

    fn exports(&self, compiled: &Compiled, path: &str) -> bool {
        compiled
            .component_type()
            .exports(self.engine.inner())
            .any(|(name, _)| InterfaceName::parse(name).path() == path)
    }
}

fn http(id: &str, pre: InstancePre<HostState>) -> Result<ProxyPre<HostState>, EdgeError> {
    match ServicePre::new(pre.clone()) {
        Ok(pre) => Ok(ProxyPre::P3(pre)),
        Err(error) => p2::bindings::ProxyPre::new(pre).map(ProxyPre::P2).map_err(|_| EdgeError::Link {
            component: id.to_owned(),
            message: format!(
                "it has a route, so it must export wasi:http/handler@0.3.0 or wasi:http/incoming-handler@0.2: {error:#}"
            ),
        }),
    }
}

fn link(id: &str, error: &wasmtime::Error) -> EdgeError {
    EdgeError::Link { component: id.to_owned(), message: format!("{error:#}") }
}

fn no_such(id: &str, wanted: &str) -> EdgeError {
    EdgeError::NoSuchComponent { component: id.to_owned(), wanted: wanted.to_owned() }
}
