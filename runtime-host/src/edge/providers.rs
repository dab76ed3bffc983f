//! Provider components called from native code: how one model at FAL.AI is asked and read. They import nothing, so a call
//! computes and returns; each has an instance of its own.

use std::pin::pin;
use std::sync::Arc;

use tokio::sync::Semaphore;
use wasmtime::Store;

use super::call::{CALLS, CallError, bounded};
use super::capabilities::HostState;
use super::cpu::Meter;
use super::engine::EdgeEngine;
use super::swap::{Built, Slot};
use bindings::ProviderPlug;
pub(super) use bindings::ProviderPlugPre;

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
    slot: Arc<Slot>,
    places: Semaphore,
}

impl Provider {
    pub(super) fn new(component: &str, engine: EdgeEngine, slot: Arc<Slot>) -> Self {
        let places = Semaphore::new(CALLS);
        Self(Arc::new(Inner { component: component.to_owned(), engine, slot, places }))
    }

    /// The component's id in the manifest.
    pub fn component(&self) -> &str {
        &self.0.component
    }

    /// What the provider says of itself.
    pub async fn describe(&self) -> Result<Description, CallError> {
        let built = self.0.slot.stable();
        self.bounded(&built, async {
            let (mut store, provider, meter) = self.instance(&built).await?;
            meter.measure(pin!(provider.image2model_provider_model().call_describe(&mut store))).await
        })
        .await
    }

    /// FAL's request body for `options` (a JSON object) and the uploaded image.
    pub async fn request(&self, options: &str, image_url: &str) -> Result<Result<String, Refusal>, CallError> {
        let built = self.0.slot.stable();
        self.bounded(&built, async {
            let (mut store, provider, meter) = self.instance(&built).await?;
            meter
                .measure(pin!(provider.image2model_provider_model().call_request(&mut store, options, image_url)))
                .await
        })
        .await
    }

    /// The files that FAL's `output` (a JSON object) names, the model first.
    pub async fn result(&self, options: &str, output: &str) -> Result<Result<Vec<File>, Refusal>, CallError> {
        let built = self.0.slot.stable();
        self.bounded(&built, async {
            let (mut store, provider, meter) = self.instance(&built).await?;
            meter.measure(pin!(provider.image2model_provider_model().call_result(&mut store, options, output))).await
        })
        .await
    }

    async fn instance(&self, built: &Built) -> wasmtime::Result<(Store<HostState>, ProviderPlug, Meter)> {
        let Some(pre) = &built.provider else { return Err(wasmtime::format_err!("it is no provider")) };
        let mut store = self.0.engine.store(&built.grants)?;
        let meter = store.data().cpu.meter();
        let provider = meter.clone().measure(pin!(pre.instantiate_async(&mut store))).await?;
        Ok((store, provider, meter))
    }

    async fn bounded<R>(&self, built: &Built, call: impl Future<Output = wasmtime::Result<R>>) -> Result<R, CallError> {
        bounded(&self.0.component, &self.0.places, &built.grants.usage, call).await
    }
}
