//! Browser tests (`tests/browser`): Node drives a real Chromium through the pages of a running product.
//!
//! A machine that lacks either fails them, because a page that nobody opened is not tested. Whoever means to do without
//! says so: `SKIP_BROWSER_TESTS=1`.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::OnceLock;

use anyhow::{Context, ensure};

use crate::process::root;

/// The variable that leaves browser tests out.
pub const SKIP: &str = "SKIP_BROWSER_TESTS";

/// The names under which Chromium is looked for.
const CHROMIUM: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// Whether there is what browser tests need; `false` only when the caller of the tests wants none.
///
/// # Errors
/// When something is missing and nobody said that this is meant.
pub fn can_browse() -> anyhow::Result<bool> {
    if std::env::var_os(SKIP).is_some_and(|value| !value.is_empty() && value != "0") {
        println!("left out: {SKIP} is set");
        return Ok(false);
    }
    let needed = [("Node", &["node"][..]), ("npm", &["npm"]), ("Chromium", &CHROMIUM)];
    let missing: Vec<&str> = needed.iter().filter(|(_, programs)| !has_one(programs)).map(|(name, _)| *name).collect();
    ensure!(
        missing.is_empty(),
        "browser tests need Node 20 or later with npm, and Chromium; missing here: {}. `cargo xtask test` installs them \
         where it may; set {SKIP}=1 to leave these tests out",
        missing.join(", ")
    );
    Ok(true)
}

/// Runs one file of browser tests.
///
/// # Errors
/// When the packages cannot be installed, or a test fails; what was printed is in the error.
pub fn drive(tests: &str, environment: &[(&str, &OsStr)]) -> anyhow::Result<()> {
    let mut node = Command::new("node");
    node.args(["--test", tests]).current_dir(folder()?).envs(environment.iter().copied());
    succeeded(node.output().context("node cannot be started")).with_context(|| format!("{tests} fails"))
}

/// The folder of the browser tests, with the packages that they need: installed once a test run.
///
/// # Errors
/// When they cannot be installed.
pub fn folder() -> anyhow::Result<PathBuf> {
    static INSTALLED: OnceLock<Result<(), String>> = OnceLock::new();
    let folder = root().join("tests/browser");
    let install = || {
        let mut npm = Command::new("npm");
        npm.args(["ci", "--no-audit", "--no-fund"]).current_dir(&folder);
        succeeded(npm.output().context("npm cannot be started")).map_err(|error| format!("{error:#}"))
    };
    INSTALLED.get_or_init(install).clone().map_err(anyhow::Error::msg)?;
    Ok(folder)
}

fn has_one(programs: &[&str]) -> bool {
    let runs = |program: &&str| Command::new(program).arg("--version").output().is_ok_and(|o| o.status.success());
    programs.iter().any(runs)
}

fn succeeded(output: anyhow::Result<Output>) -> anyhow::Result<()> {
    let output = output?;
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    ensure!(output.status.success(), "{}{}", said(&output.stdout), said(&output.stderr));
    Ok(())
}
