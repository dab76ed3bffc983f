//! Links WASI's C library for `memcmp` and its like, which the compiler calls and the standard library would have brought.
//! Only what is called is taken from it, so it adds no import.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family == "wasm") {
        println!("cargo::rustc-link-lib=c");
    }
}
