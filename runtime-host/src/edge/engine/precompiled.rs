//! The one place where compiled code is taken from disk. Wasmtime cannot check such a file, so it must be one that this
//! host wrote: `cache` only passes files from its own folder, readable by their owner alone, whose digest it verified.
#![allow(unsafe_code, reason = "loading machine code that was compiled before is unsafe by nature; see above")]

use std::fs::File;
use std::path::{Path, PathBuf};

use wasmtime::Engine;
use wasmtime::component::Component;

/// Maps a file written from `Component::serialize`. The caller vouches for its content. `path` is where it was opened.
pub(super) fn load(engine: &Engine, file: &File, path: &Path) -> wasmtime::Result<Component> {
    // SAFETY: see the module.
    unsafe { Component::deserialize_file(engine, place(file, path)) }
}

/// The very file that was looked at, even if another is at its place by now.
#[cfg(target_os = "linux")]
fn place(file: &File, _: &Path) -> PathBuf {
    Path::new("/proc/self/fd").join(std::os::fd::AsRawFd::as_raw_fd(file).to_string())
}

#[cfg(not(target_os = "linux"))]
fn place(_: &File, path: &Path) -> PathBuf {
    path.to_owned()
}
