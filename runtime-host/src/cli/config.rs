//! `image2model config docs | example`: what docs/configuration.md and .env.example hold.

use std::process::ExitCode;

use clap::ValueEnum;
use image2model_host::config::{env_example, markdown};

use super::out::{ended, print};

#[derive(clap::Args)]
pub struct Args {
    /// Which document
    document: Document,
}

#[derive(Clone, Copy, ValueEnum)]
enum Document {
    /// The table of all variables
    Docs,
    /// A commented .env
    Example,
}

pub fn run(args: &Args) -> ExitCode {
    ended(print(match args.document {
        Document::Docs => markdown(),
        Document::Example => env_example(),
    }))
}
