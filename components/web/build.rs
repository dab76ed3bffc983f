//! Puts the API's document together, so that it is served where the pages were not built as well.

use std::path::PathBuf;

use anyhow::Context;

fn main() -> anyhow::Result<()> {
    for part in ["document.yaml", "codes", "paths", "schemas", "webhooks.yaml", "examples"] {
        println!("cargo::rerun-if-changed={}", image2model_openapi::sources().join(part).display());
    }
    let out = std::env::var_os("OUT_DIR").context("cargo names no output directory")?;
    image2model_openapi::write(&PathBuf::from(out).join("openapi.json"))
}
