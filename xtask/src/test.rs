//! `cargo xtask test`: set up, build, lint, and run every test there is; the counts are the last lines.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use clap::Args;

use crate::build;
use crate::command::{cargo, execute, program, root, say};
use crate::counts::Counts;
use crate::{lint, setup};

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
const NATIVE: [&str; 9] = [
    "image2model-domain",
    "image2model-openapi",
    "image2model-host",
    "fal-sim",
    "image2model-bench",
    "image2model-fuzz",
    "xtask",
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
        lint::run()?;
    }
    build::application()?;
    let (counts, failures) = run_tests(options, node)?;
    for failure in &failures {
        println!("failed: {failure}");
    }
    println!("{} passed, {} failed, {} skipped", counts.passed, counts.failed, counts.skipped);
    if !failures.is_empty() || counts.failed > 0 {
        bail!("not every test passed");
    }
    Ok(())
}

fn run_tests(options: &Options, node: bool) -> anyhow::Result<(Counts, Vec<String>)> {
    if options.long {
        return run_long(options);
    }
    let mut counts = Counts::default();
    let mut failures = Vec::new();
    let mut stage = |name: String, command: &mut Command| -> anyhow::Result<()> {
        say(&format!("testing {name}"));
        let (more, success) = watch(command)?;
        counts += more;
        if !success {
            failures.push(name);
        }
        Ok(())
    };
    for package in COMPONENTS {
        stage(
            package.to_owned(),
            cargo(&["test", "--quiet", "--no-fail-fast", "--package", package, "--"]).args(&options.filter),
        )?;
    }
    if node && options.filter.is_empty() {
        stage(
            "the pages' modules".to_owned(),
            program("npm").args(["test", "--silent"]).current_dir(root().join("web")),
        )?;
    }
    // Every test waits for others most of the time: FAL's model, a lease, a redirect.
    let mut together = native(&[]);
    together.args(&options.filter).arg("--test-threads=8");
    if options.filter.is_empty() {
        together.args(["--skip", BROWSER]);
    }
    stage("the native crates, end to end".to_owned(), &mut together)?;
    // A browser draws models without a graphics card: it needs the machine for itself.
    if options.filter.is_empty() {
        stage("the pages in a browser".to_owned(), native(&["--test", "e2e"]).args([BROWSER, "--test-threads=1"]))?;
    }
    stage("what breaks".to_owned(), native(&CRASH).args(&options.filter).arg("--test-threads=12"))?;
    Ok((counts, failures))
}

/// Tests of the native crates, all selected at once even where few are run: other selections build with other features.
fn native(targets: &[&str]) -> Command {
    let mut command = cargo(&["test", "--no-fail-fast"]);
    command.args(NATIVE.iter().flat_map(|package| ["--package", package])).args(targets).arg("--");
    command
}

/// The crash tests with as many files and kills as a release has to survive, one after another.
fn run_long(options: &Options) -> anyhow::Result<(Counts, Vec<String>)> {
    // The programs that it starts are built along with tests of their own crates.
    execute(&mut native(&["--test", "config", "--test", "faults", "--no-run"]))?;
    let mut command = native(&CRASH);
    command
        .args(&options.filter)
        .args(["--include-ignored", "--test-threads=1", "--nocapture"])
        .env("IMAGE2MODEL_LONG_TESTS", "1");
    say("testing what breaks, at length");
    let (counts, success) = watch(&mut command)?;
    Ok((counts, if success { Vec::new() } else { vec!["the crash tests".to_owned()] }))
}

/// Runs it, passing on what it prints, and adds up the tests it reports.
fn watch(command: &mut Command) -> anyhow::Result<(Counts, bool)> {
    let mut child = command.stdout(Stdio::piped()).spawn().context("could not start a test runner")?;
    let mut counts = Counts::default();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            let line = line.unwrap_or_default();
            println!("{line}");
            counts += Counts::of_line(&line);
        }
    }
    Ok((counts, child.wait()?.success()))
}
