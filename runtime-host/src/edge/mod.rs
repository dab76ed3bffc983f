//! Serves `spin.toml`: reads the manifest, composes and compiles the components, grants each only what the manifest says,
//! and answers HTTP with them. The guard and the providers of the same manifest can be asked from native code.

mod answers;
mod body;
mod call;
mod capabilities;
pub mod check;
mod compose;
mod cpu;
mod engine;
mod error;
mod folder;
pub mod guard;
mod load;
pub mod manifest;
pub mod providers;
mod recipe;
mod remote;
mod report;
mod serve;
mod sources;
pub mod swap;
mod usage;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use answers::AnswerReport;
pub use call::CallError;
pub use capabilities::KeyValue;
pub use engine::{Uncompiled, compile};
pub use error::EdgeError;
pub use report::ComponentReport;
pub use serve::{
    Body, BoxError, Carry, Hangup, NativeRoutes, NoRoutes, Request, Response, ServeOptions, TakenOver, empty_body,
    full_body,
};

use guard::GuardClient;
use providers::Provider;
use serve::{Answer, Dispatch, Router, Services};
use swap::Switch;
use swap::follow::{FollowOptions, Follower};
use swap::watch::Watcher;

pub use usage::{BOUNDS_MS, UsageReport};

/// What an application is loaded from.
#[derive(Clone)]
pub struct EdgeOptions {
    /// `spin.toml`; the paths in it are relative to its folder.
    pub manifest_path: PathBuf,
    /// Values of application variables, by name. The caller reads them from wherever they come from.
    pub variables: HashMap<String, String>,
    /// Which of the components' build profiles is served; `None` serves them as they are.
    pub profile: Option<String>,
    /// Certificate authorities that components' requests by TLS trust beside the system's, in PEM.
    pub authorities: Option<PathBuf>,
    /// Where the application's key-value stores are; without it, nobody can open one.
    pub key_value: Option<KeyValue>,
    /// Who this host is to registries that want a password.
    pub logins: swap::fetch::Logins,
    /// Where compiled components are kept; `None` compiles them at every start.
    pub cache_dir: Option<PathBuf>,
    /// The program that compiles for this cache when it is called with `compile` ([`compile`]); `None` compiles in this process.
    pub compiler: Option<PathBuf>,
    /// The bounds of serving.
    pub serve: ServeOptions,
}

/// A loaded application.
pub struct Edge {
    switch: Arc<Switch>,
    router: Arc<Router>,
    /// What components reach of each other; gone with this.
    _services: Arc<Services>,
    info: String,
    options: ServeOptions,
}

impl Edge {
    /// Reads, composes, checks, compiles and links everything in the manifest, on all cores. Blocks for seconds without a
    /// warm cache: call it before the runtime is busy, or by `spawn_blocking`.
    pub fn load(options: EdgeOptions) -> Result<Self, EdgeError> {
        let switch = Arc::new(engine::at_the_start(|| Switch::load(&options))?);
        let application = &switch.loaded.application;
        let answer = |root: &str| {
            let slot = switch.slot(root)?;
            let grants = Arc::clone(&slot.stable().grants);
            Ok::<_, EdgeError>((slot, grants))
        };
        let mut routes = Vec::new();
        let mut services = BTreeMap::new();
        for route in &application.routes {
            let (slot, grants) = answer(&route.root)?;
            match &route.pattern {
                Some(pattern) => {
                    routes.push((pattern.clone(), Answer::Component(slot.clone(), grants.clone())));
                    services.entry(route.component.clone()).or_insert((slot, grants));
                }
                // Who has a private route is called by it.
                None => drop(services.insert(route.component.clone(), (slot, grants))),
            }
        }
        let answers = application.answers.iter();
        routes.extend(answers.map(|(pattern, answer)| (pattern.clone(), Answer::Static(answer.clone()))));
        let router = Arc::new(Router::new(routes)?);
        let services = services.into_iter().map(|(id, (slot, grants))| (id, slot, grants)).collect();
        let services = Arc::new(Services::new(services)?);
        switch.loaded.shared.chain.lead_to(&services);
        let info = serde_json::json!({ "name": application.name, "version": application.version }).to_string();
        Ok(Self { router, _services: services, info, options: options.serve, switch })
    }

    /// Answers on `listener` until `shutdown` is cancelled, then drains as `ServeOptions::drain` says. `native` is asked
    /// first for every request.
    pub async fn serve(&self, listener: TcpListener, native: Arc<dyn NativeRoutes>, shutdown: CancellationToken) {
        let (router, info, origins) = (self.router.clone(), self.info.clone(), self.options.origins.clone());
        let dispatch = Dispatch { router, native, info, origins };
        serve::serve(listener, Arc::new(dispatch), &self.options, &self.switch.loaded.behind, shutdown).await;
    }

    /// Whether a route leads anywhere for this path.
    pub fn takes(&self, path: &str) -> bool {
        self.router.find(path).is_some()
    }

    /// Whoever keeps this host's components at what Redis says of them.
    ///
    /// # Errors
    /// When no client can be made that fetches components.
    pub fn follower(&self, options: FollowOptions) -> Result<Follower, swap::fetch::FetchError> {
        Follower::new(self.switch.clone(), options)
    }

    /// Whoever keeps this host's components at what is on disk.
    pub fn watcher(&self) -> Watcher {
        Watcher::new(self.switch.clone())
    }

    /// The guard that the component `endpoint` depends on, with what that component lets it inherit: native routes ask
    /// the very same guard as the components do.
    pub fn guard(&self, endpoint: &str) -> Result<GuardClient, EdgeError> {
        GuardClient::new(&self.switch, endpoint)
    }

    /// Every component that exports `image2model:provider/model`, which must not import anything.
    pub fn providers(&self) -> Result<Vec<Provider>, EdgeError> {
        let mut providers = Vec::new();
        for id in self.switch.loaded.roots.keys() {
            let slot = self.switch.slot(id)?;
            if slot.stable().provider.is_some() {
                providers.push(Provider::new(id, self.switch.loaded.engine.clone(), slot));
            }
        }
        Ok(providers)
    }

    /// Every component with what it was asked so far, and what it takes now.
    pub fn reports(&self) -> Vec<ComponentReport> {
        report::components(&self.switch)
    }

    /// The ids of the manifest's components, with those that answer routes first.
    pub fn components(&self) -> Vec<String> {
        self.switch.loaded.component_ids()
    }
}
