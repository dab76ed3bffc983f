//! Core modules, which is what `wasm32-wasip1` builds and most of Spin's older templates make: one that says which component
//! it means to be is read as that component, with what it asks of WASI 0.1 answered out of 0.2 by wasmtime's adapter. Only
//! where it is joined with others or looked at; its bytes, and so its digest, stay what they are.

use std::borrow::Cow;

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wit_component::{ComponentEncoder, metadata};

/// How a core module begins.
const MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// The component. What is no core module is left as it is, for whoever reads it next to say so.
pub(crate) fn as_component(bytes: &[u8]) -> Result<Cow<'_, [u8]>, String> {
    if !bytes.starts_with(MODULE) {
        return Ok(Cow::Borrowed(bytes));
    }
    encoded(bytes).map(Cow::Owned).map_err(|error| format!("it is a core module that becomes no component: {error:#}"))
}

/// The names that the component exports which a core module means to be; nothing for what is no core module.
pub(super) fn exports(bytes: &[u8]) -> Option<Result<Vec<String>, String>> {
    let told = bytes.starts_with(MODULE).then(|| metadata::decode(bytes))?;
    Some(told.map_err(|error| format!("{error:#}")).map(|(_, told)| {
        let world = told.resolve.worlds.get(told.world);
        let exports = world.into_iter().flat_map(|world| world.exports.keys());
        exports.map(|key| told.resolve.name_world_key(key)).collect()
    }))
}

fn encoded(module: &[u8]) -> anyhow::Result<Vec<u8>> {
    ComponentEncoder::default()
        .validate(true)
        .module(module)?
        .adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER)?
        .encode()
}
