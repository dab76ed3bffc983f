//! What a library component needs when it leaves the standard library out in order to import nothing: an allocator, an
//! answer to a panic, and the export through which its caller places arguments. Elsewhere than on WebAssembly it is empty.
//!
//! A component that uses this must be built by itself (`cargo build --package …`): built together with packages that use
//! the standard library, cargo turns on their dependencies' `std` features for it too, and the link fails with
//! "duplicate lang item `panic_impl`".

#![no_std]

#[cfg(target_family = "wasm")]
mod runtime;
