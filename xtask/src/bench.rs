//! `cargo xtask bench`: everything in release, then the measurements of `bench/`.

use clap::Args;

use crate::build;
use crate::command::{cargo, execute, program, target_dir};
use crate::{profile, setup};

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
    build::application()?;
    let mut build = cargo(&["build", "--release"]);
    profile::use_in(build.args(profile::PROGRAMS))?;
    execute(&mut build)?;
    execute(program(target_dir().join("release/image2model-bench")).args(&options.names))
}
