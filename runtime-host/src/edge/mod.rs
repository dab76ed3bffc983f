//! Serves `spin.toml`: reads the manifest, composes and compiles the components, grants each only what the manifest says,
//! and answers HTTP with them. The guard and the providers of the same manifest can be asked from native code.

mod body;
mod call;
mod capabilities;
pub mod check;
mod compose;
mod engine;
mod error;
pub mod guard;
mod load;
pub mod manifest;
pub mod providers;
mod report;
mod serve;
mod usage;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use call::CallError;
pub use error::EdgeError;
pub use report::ComponentReport;
pub use serve::{
    Body, BoxError, Carry, Hangup, NativeRoutes, NoRoutes, Request, Response, ServeOptions, TakenOver, empty_body,
    full_body,
};

use guard::GuardClient;
use load::Loaded;
use providers::Provider;
use serve::{Dispatch, Router};

pub use usage::{BOUNDS_MS, UsageReport};

/// What an application is loaded from.
#[derive(Clone)]
pub struct EdgeOptions {
    /// `spin.toml`; the paths in it are relative to its folder.
    pub manifest_path: PathBuf,
    /// Values of application variables, by name. The caller reads them from wherever they come from.
    pub variables: HashMap<String, String>,
    /// Where compiled components are kept; `None` compiles them at every start.
    pub cache_dir: Option<PathBuf>,
    /// The bounds of serving.
    pub serve: ServeOptions,
}

/// A loaded application.
pub struct Edge {
    loaded: Loaded,
    router: Arc<Router>,
    info: String,
    options: ServeOptions,
}

impl Edge {
    /// Reads, composes, checks, compiles and links everything in the manifest, on all cores. Blocks for seconds without a
    /// warm cache: call it before the runtime is busy, or by `spawn_blocking`.
    pub fn load(options: EdgeOptions) -> Result<Self, EdgeError> {
        let loaded = Loaded::new(&options)?;
        let router = Arc::new(loaded.router(&options.serve)?);
        let application = &loaded.application;
        let info = serde_json::json!({ "name": application.name, "version": application.version }).to_string();
        Ok(Self { router, info, options: options.serve, loaded })
    }

    /// Answers on `listener` until `shutdown` is cancelled, then drains as `ServeOptions::drain` says. `native` is asked
    /// first for every request.
    pub async fn serve(&self, listener: TcpListener, native: Arc<dyn NativeRoutes>, shutdown: CancellationToken) {
        let dispatch = Dispatch { router: self.router.clone(), native, info: self.info.clone() };
        serve::serve(listener, Arc::new(dispatch), &self.options, shutdown).await;
    }

    /// The guard that the component `endpoint` depends on, with what that component lets it inherit: native routes ask
    /// the very same guard as the components do.
    pub fn guard(&self, endpoint: &str) -> Result<GuardClient, EdgeError> {
        GuardClient::new(&self.loaded, endpoint)
    }

    /// Every component that exports `image2model:provider/model`.
    pub fn providers(&self) -> Result<Vec<Provider>, EdgeError> {
        self.loaded.providers()
    }

    /// Every component with what it was asked so far, and what it takes now.
    pub fn reports(&self) -> Vec<ComponentReport> {
        report::components(&self.loaded)
    }

    /// The ids of the manifest's components, with those that answer routes first.
    pub fn components(&self) -> Vec<String> {
        self.loaded.component_ids()
    }
}
