//! `cargo xtask test`: set up, build, lint, and run every test there is; the counts are the last lines.

use std::process::Command;

use clap::Args;

use crate::command::{cargo, execute, program, root, say};
use crate::results::Results;
use crate::{build, lint, setup};

#[derive(Args)]
pub struct Options {
    /// Leave formatting and lints out
    #[arg(long)]
    no_lint: bool,
    /// Run the crash tests in their long form, and nothing else
    #[arg(long)]
    long: bool,
    /// Passed on to `cargo test`: names of tests to run
    filter: Vec<String>,
}

/// The end-to-end tests that drive a browser.
const BROWSER: &str = "browser::";
/// The crash tests: processes that are killed and waited for.
const CRASH: [&str; 2] = ["--test", "crash"];
/// The native crates, tested together so that their dependencies are built once. The programs that the tests start are
/// built along, with the features that tests ask for: a build of their own would compile the engine a second time.
const NATIVE: [&str; 11] = [
    "image2model-domain",
    "image2model-openapi",
    "image2model-host",
    "fal-sim",
    "fal-sim-relief",
    "image2model-bench",
    "image2model-fuzz",
    "xtask",
    "image2model-photograph",
    "image2model-processes",
    "image2model-tests",
];
/// The components whose logic is tested natively. Each on its own, for the same reason as in [`build`].
const COMPONENTS: [&str; 9] = [
    "image2model-media-inspector",
    "image2model-provider-tripo3d",
    "image2model-kit",
    "image2model-guard",
    "image2model-upload",
    "image2model-status",
    "image2model-download",
    "image2model-admin",
    "image2model-web",
];

pub fn run(options: &Options) -> anyhow::Result<()> {
    setup::target(setup::MODULE_TARGET)?;
    setup::redis()?;
    setup::python_tools()?;
    setup::download_clients()?;
    setup::proxy()?;
    setup::deployment_linters();
    if setup::wants_browser_tests() {
        setup::browser()?;
    }
    let node = setup::node();
    if !options.no_lint {
        lint::before_building()?;
    }
    build::application()?;
    let mut results = Results::default();
    if options.long {
        run_long(options, &mut results)?;
    } else {
        run_tests(options, node, &mut results)?;
    }
    results.settle()
}

fn run_tests(options: &Options, node: bool, results: &mut Results) -> anyhow::Result<()> {
    let lints = !options.no_lint;
    let native = |targets: &[&str]| native(lints, targets);
    say(if lints { "building and linting the native crates" } else { "building the native crates" });
    execute(native(&["--all-targets"])?.args(CRASH).arg("--no-run"))?;
    let mut stage = |name: &str, command: &mut Command| results.run(name, command);
    for package in COMPONENTS {
        stage(
            package,
            cargo(&["test", "--quiet", "--no-fail-fast", "--package", package, "--"]).args(&options.filter),
        )?;
    }
    if node && options.filter.is_empty() {
        stage("the pages' modules", program("npm").args(["test", "--silent"]).current_dir(root().join("web")))?;
    }
    // Every test waits for others most of the time: FAL's model, a lease, a redirect.
    let mut together = native(&[])?;
    together.arg("--").args(&options.filter).arg("--test-threads=8");
    if options.filter.is_empty() {
        together.args(["--skip", BROWSER]);
    }
    stage("the native crates, end to end", &mut together)?;
    // A browser draws models without a graphics card: it needs the machine for itself.
    if options.filter.is_empty() {
        stage("the pages in a browser", native(&["--test", "e2e"])?.args(["--", BROWSER, "--test-threads=1"]))?;
    }
    stage("what breaks", native(&CRASH)?.arg("--").args(&options.filter).arg("--test-threads=12"))
}

/// Tests of the native crates, all selected at once even where few are run: other selections build with other features.
fn native(lints: bool, targets: &[&str]) -> anyhow::Result<Command> {
    let mut command = cargo(&["test", "--no-fail-fast"]);
    command.args(NATIVE.iter().flat_map(|package| ["--package", package])).args(targets);
    if lints {
        lint::on_the_way(&mut command)?;
    }
    Ok(command)
}

/// The crash tests with as many files and kills as a release has to survive, one after another.
fn run_long(options: &Options, results: &mut Results) -> anyhow::Result<()> {
    let lints = !options.no_lint;
    // The programs that it starts are built along with tests of their own crates.
    execute(&mut native(lints, &["--test", "config", "--test", "faults", "--no-run"])?)?;
    let mut command = native(lints, &CRASH)?;
    command
        .arg("--")
        .args(&options.filter)
        .args(["--include-ignored", "--test-threads=1", "--nocapture"])
        .env("IMAGE2MODEL_LONG_TESTS", "1");
    results.run("what breaks, at length", &mut command)
}
