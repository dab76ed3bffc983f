//! WASI itself: clocks, randomness, the component's environment variables, its `files` read-only, sockets as `sockets.rs` has
//! them. No arguments, no standard input; what it prints becomes log lines.

use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder};

use super::Grants;
use super::stdio::{LogStream, Output};

/// Random bytes that one call makes, at most: nobody else has the thread meanwhile. As many as Web Crypto gives.
const MOST_RANDOM: u64 = 64 << 10;

/// A context for one instance.
pub(super) fn context(grants: &Grants) -> wasmtime::Result<WasiCtx> {
    let mut builder = WasiCtxBuilder::new();
    builder.stdout(LogStream::new(grants.component.clone(), Output::Stdout, grants.log.clone()));
    builder.stderr(LogStream::new(grants.component.clone(), Output::Stderr, grants.log.clone()));
    for (name, value) in &grants.environment {
        builder.env(name, value);
    }
    for mount in &grants.mounts {
        builder.preopened_dir(&mount.source, &mount.destination, FsPerms::ReadOnly)?;
    }
    builder.max_random_size(MOST_RANDOM);
    grants.sockets.allow(&grants.component, &mut builder);
    Ok(builder.build())
}
