//! The one place where compiled code is taken from disk. Wasmtime cannot check such a file, so it must be one that this
//! host wrote: `cache` only passes files from its own folder, readable by their owner alone, whose digest it verified.
#![allow(unsafe_code, reason = "loading machine code that was compiled before is unsafe by nature; see above")]

use std::path::Path;

use wasmtime::Engine;
use wasmtime::component::Component;

/// Maps a file written from `Component::serialize`. The caller vouches for its content.
pub(super) fn load(engine: &Engine, path: &Path) -> wasmtime::Result<Component> {
    // SAFETY: see the module.
    unsafe { Component::deserialize_file(engine, path) }
}
