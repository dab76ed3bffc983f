//! Provider components called from native code: how one model at FAL.AI is asked and read. They import nothing, so a call
//! computes and returns; each has an instance of its own.

use std::sync::Arc;

use tokio::sync::Semaphore;
use wasmtime::Store;
use wasmtime::component::InstancePre;

use super::EdgeError;
use super::call::{CALLS, CallError, bounded};
use super::capabilities::{Grants, HostState};
use super::engine::EdgeEngine;
use bindings::{ProviderPlug, ProviderPlugPre};

#[allow(missing_docs, reason = "generated")]
mod bindings {
    wasmtime::component::bindgen!({
        path: "../wit/provider",
        world: "provider-plug",
        exports: { default: async },
        additional_derives: [PartialEq],
    });
}

pub use bindings::exports::image2model::provider::model::{Description, File, Price, Refusal, Role};

/// One provider. Cheap to clone.
#[derive(Clone)]
pub struct Provider(Arc<Inner>);

struct Inner {
    component: String,
    engine: EdgeEngine,
    pre: ProviderPlugPre<HostState>,
    grants: Arc<Grants>,
    places: Semaphore,
}

impl Provider {
    pub(super) fn new(
        component: &str,
        engine: EdgeEngine,
        pre: InstancePre<HostState>,
        grants: Arc<Grants>,
    ) -> Result<Self, EdgeError> {
        let pre = ProviderPlugPre::new(pre)
            .map_err(|error| EdgeError::Link { component: component.to_owned(), message: format!("{error:#}") })?;
        let places = Semaphore::new(CALLS);
        Ok(Self(Arc::new(Inner { component: component.to_owned(), engine, pre, grants, places })))
    }

    /// The component's id in the manifest.
    pub fn component(&self) -> &str {
        &self.0.component
    }

    /// What the provider says of itself.
    pub async fn describe(&self) -> Result<Description, CallError> {
        self.bounded(async {
            let (mut store, provider) = self.instance().await?;
            provider.image2model_provider_model().call_describe(&mut store).await
        })
        .await
    }

    /// FAL's request body for `options` (a JSON object) and the uploaded image.
    pub async fn request(&self, options: &str, image_url: &str) -> Result<Result<String, Refusal>, CallError> {
        self.bounded(async {
            let (mut store, provider) = self.instance().await?;
            provider.image2model_provider_model().call_request(&mut store, options, image_url).await
        })
        .await
    }

    /// The files that FAL's `output` (a JSON object) names, the model first.
    pub async fn result(&self, options: &str, output: &str) -> Result<Result<Vec<File>, Refusal>, CallError> {
        self.bounded(async {
            let (mut store, provider) = self.instance().await?;
            provider.image2model_provider_model().call_result(&mut store, options, output).await
        })
        .await
    }

    async fn instance(&self) -> wasmtime::Result<(Store<HostState>, ProviderPlug)> {
        let mut store = self.0.engine.store(&self.0.grants)?;
        let provider = self.0.pre.instantiate_async(&mut store).await?;
        Ok((store, provider))
    }

    async fn bounded<R>(&self, call: impl Future<Output = wasmtime::Result<R>>) -> Result<R, CallError> {
        bounded(&self.0.component, &self.0.places, &self.0.grants.usage, call).await
    }
}
