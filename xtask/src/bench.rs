//! `cargo xtask bench`: everything in release, then the measurements of `bench/`.

use clap::Args;

use crate::build::{self, Profile};
use crate::command::{cargo, execute, program, target_dir};
use crate::setup;

#[derive(Args)]
pub struct Options {
    /// Passed on: which measurements to make
    names: Vec<String>,
}

pub fn run(options: &Options) -> anyhow::Result<()> {
    setup::redis()?;
    let wanted = |name: &str| options.names.is_empty() || options.names.iter().any(|wanted| wanted == name);
    if wanted("queue") {
        setup::celery()?;
    }
    if wanted("streams") {
        setup::stream_servers()?;
    }
    if wanted("host") {
        setup::wasmtime()?;
        build::guests()?;
    }
    build::run_all(Profile::Release)?;
    execute(&mut cargo(&["build", "--release", "--package", "image2model-bench"]))?;
    execute(program(target_dir().join("release/image2model-bench")).args(&options.names))
}
