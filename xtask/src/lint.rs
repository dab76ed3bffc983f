//! Formatting and lints. Components are linted for the target they are built for.

use crate::build::COMPONENTS;
use crate::command::{cargo, execute, say};
use crate::setup;

pub fn run() -> anyhow::Result<()> {
    setup::wasm_target()?;
    say("checking the formatting");
    execute(&mut cargo(&["fmt", "--all", "--check"]))?;
    say("linting the native crates");
    execute(&mut cargo(&["clippy", "--quiet", "--all-targets", "--test", "crash", "--", "-D", "warnings"]))?;
    say("linting the components");
    for package in COMPONENTS {
        clippy(package)?;
    }
    Ok(())
}

fn clippy(package: &str) -> anyhow::Result<()> {
    execute(&mut cargo(&[
        "clippy",
        "--quiet",
        "--target",
        "wasm32-wasip2",
        "--package",
        package,
        "--",
        "-D",
        "warnings",
    ]))
}
