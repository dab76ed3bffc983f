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
    /// Address to serve on; port 0 picks a free one [default: LISTEN, else 127.0.0.1:3000]
    #[arg(long)]
    listen: Option<String>,
    /// Where jobs, images and models are kept [default: DATA_DIR, else data]
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// Build for development: starts sooner after a change, runs slower
    #[arg(long)]
    dev: bool,
}

pub fn run(options: &Options) -> anyhow::Result<()> {
    setup::redis()?;
    let host = build::run_all(if options.dev { Profile::Dev } else { Profile::Release })?;
    let mut product = program(host);
    product.arg("up");
    // What is not said here is the configuration's to say.
    if let Some(listen) = &options.listen {
        product.args(["--listen", listen]);
    }
    if let Some(data_dir) = &options.data_dir {
        product.arg("--data-dir").arg(data_dir);
    }
    // Replaces this process, so that Ctrl-C and SIGTERM reach the product itself.
    let error = product.exec();
    Err(error).context("could not start image2model")
}
