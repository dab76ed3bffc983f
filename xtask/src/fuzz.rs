//! `cargo xtask fuzz`: the targets of `fuzz/`, for longer than `cargo xtask test` gives them.

use clap::Args;

use crate::command::{cargo, execute};

#[derive(Args)]
pub struct Options {
    /// Handed to the fuzzer: --target NAME, --seconds N (for each target), --seed N, --input FILE
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

pub fn run(options: &Options) -> anyhow::Result<()> {
    execute(cargo(&["run", "--quiet", "--package", "image2model-fuzz", "--"]).args(&options.arguments))
}
