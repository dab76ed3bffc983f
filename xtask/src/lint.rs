//! Formatting and lints. Components are linted for the target they are built for; native crates while the tests are built.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;

use crate::build::COMPONENTS;
use crate::command::{cargo, execute, output, program, say};
use crate::setup;

/// All of it.
pub fn run() -> anyhow::Result<()> {
    before_building()?;
    say("linting the native crates");
    execute(&mut cargo(&["clippy", "--quiet", "--all-targets", "--test", "crash", "--", "-D", "warnings"]))
}

/// What no build does [on its way](on_the_way): the formatting, and the components.
pub fn before_building() -> anyhow::Result<()> {
    setup::target(setup::COMPONENT_TARGET)?;
    say("checking the formatting");
    execute(&mut cargo(&["fmt", "--all", "--check"]))?;
    say("linting the components");
    for package in COMPONENTS {
        clippy(package)?;
    }
    Ok(())
}

/// In release, as they are built next: macros and build scripts serve both.
fn clippy(package: &str) -> anyhow::Result<()> {
    let target = ["--quiet", "--release", "--target", setup::COMPONENT_TARGET];
    execute(cargo(&["clippy"]).args(target).args(["--package", package, "--", "-D", "warnings"]))
}

/// Lets a cargo command that builds crates of ours lint them on the way, as `cargo clippy -- -D warnings` would.
///
/// `cargo clippy` itself would check each of several hundred dependencies first, only for a build to compile them again.
/// Clippy's compiler makes what rustc does, if with fewer optimisations, which crates that are tested do without.
pub fn on_the_way(command: &mut Command) -> anyhow::Result<()> {
    command.env("RUSTC_WORKSPACE_WRAPPER", driver()?).env("CLIPPY_ARGS", "-Dwarnings");
    Ok(())
}

/// Clippy's compiler: beside rustc, or wherever a distribution keeps it.
fn driver() -> anyhow::Result<PathBuf> {
    let name = format!("clippy-driver{}", std::env::consts::EXE_SUFFIX);
    let sysroot = output(program("rustc").args(["--print", "sysroot"])).context("rustc was not found")?;
    let beside = PathBuf::from(sysroot).join("bin").join(&name);
    Ok(if beside.is_file() { beside } else { name.into() })
}
