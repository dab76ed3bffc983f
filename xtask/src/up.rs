//! `cargo xtask up`: set up, build, and become the product.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use crate::build::{self, Profile};
use crate::command::program;
use crate::setup;

#[derive(Args)]
pub struct Options {
    /// Address to serve on; port 0 picks a free one
    #[arg(long, default_value = "127.0.0.1:3000")]
    listen: String,
    /// Where jobs, images and models are kept
    #[arg(long, default_value = "data")]
    data_dir: PathBuf,
    /// Build for development: starts sooner after a change, runs slower
    #[arg(long)]
    dev: bool,
}

pub fn run(options: &Options) -> anyhow::Result<()> {
    setup::redis()?;
    let host = build::run_all(if options.dev { Profile::Dev } else { Profile::Release })?;
    // Replaces this process, so that Ctrl-C and SIGTERM reach the product itself.
    let error = program(host).args(["up", "--listen", &options.listen, "--data-dir"]).arg(&options.data_dir).exec();
    Err(error).context("could not start image2model")
}
