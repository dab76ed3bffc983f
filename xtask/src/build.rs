//! Building: every component for wasm32-wasip2, the pages with Vite, the host natively.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;

use crate::command::{cargo, execute, facts, output, program, root, say, target_dir};
use crate::profile;
use crate::setup::{self, COMPONENT_TARGET};

/// The components, by package. Each is built on its own: the library components have no standard library, and features
/// of the others must not leak into them.
pub const COMPONENTS: [&str; 8] = [
    "image2model-media-inspector",
    "image2model-provider-tripo3d",
    "image2model-guard",
    "image2model-upload",
    "image2model-status",
    "image2model-download",
    "image2model-admin",
    "image2model-web",
];

/// Every request runs through components, and they are small: each is optimised as one program.
const AS_ONE: [&str; 4] = ["--config", "profile.release.lto=\"fat\"", "--config", "profile.release.codegen-units=1"];

/// How the native programs are built.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// For tests: quick to build, dependencies optimised.
    Dev,
    /// For running.
    Release,
}

#[derive(Args)]
pub struct Options {
    /// Build the host for development instead of release
    #[arg(long)]
    dev: bool,
}

pub fn run_all(profile: Profile) -> anyhow::Result<PathBuf> {
    application()?;
    host(profile)
}

/// Builds what spin.toml names: the components and the pages.
pub fn application() -> anyhow::Result<()> {
    setup::target(COMPONENT_TARGET)?;
    components()?;
    pages()
}

pub fn run(options: &Options) -> anyhow::Result<()> {
    let host = run_all(if options.dev { Profile::Dev } else { Profile::Release })?;
    execute(program(host).arg("check"))
}

/// Builds every component in release.
pub fn components() -> anyhow::Result<()> {
    say("building the components");
    for package in COMPONENTS {
        let mut build = cargo(&["build", "--quiet", "--release", "--target", COMPONENT_TARGET, "--package", package]);
        execute(build.args(AS_ONE))?;
    }
    Ok(())
}

/// Builds the conformance tests' components, which are measured as well. The provider is not among them.
pub fn guests() -> anyhow::Result<()> {
    say("building the components of the conformance tests");
    let manifest = root().join("tests/conformance/guests/Cargo.toml");
    let mut build = cargo(&["build", "--quiet", "--release", "--target", COMPONENT_TARGET, "--manifest-path"]);
    execute(build.arg(manifest).arg("--target-dir").arg(target_dir()))
}

/// Builds the native programs and answers with the path of `image2model`.
pub fn host(profile: Profile) -> anyhow::Result<PathBuf> {
    say("building the host");
    let mut build = cargo(&["build", "--package", "image2model-host", "--package", "fal-sim"]);
    let folder = match profile {
        Profile::Release => {
            profile::build_release(build.arg("--release"), &["image2model"])?;
            "release"
        }
        Profile::Dev => {
            execute(&mut build)?;
            "debug"
        }
    };
    Ok(target_dir().join(folder).join("image2model"))
}

/// Builds the pages when their sources changed. Without Node their folder stays empty, and the web component says why.
pub fn pages() -> anyhow::Result<()> {
    let web = root().join("web");
    let built = web.join("dist");
    if !setup::node() {
        return fs::create_dir_all(&built).context("could not make the folder of the pages");
    }
    let stamp = target_dir().join("pages.stamp");
    let sources = fingerprint(&web)?;
    if built.join("index.html").is_file() && fs::read_to_string(&stamp).is_ok_and(|former| former == sources) {
        return Ok(());
    }
    say("building the pages");
    execute(program("npm").args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(&web))?;
    execute(program("npm").args(["run", "--silent", "build"]).current_dir(&web))?;
    fs::create_dir_all(target_dir())?;
    fs::write(stamp, sources).context("could not note that the pages are built")
}

/// Names, sizes and times of the pages' sources, and the version of Node.
fn fingerprint(web: &Path) -> anyhow::Result<String> {
    let mut lines = vec![output(program("node").arg("--version")).unwrap_or_default()];
    let mut folders = vec![web.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("could not read {}", folder.display()))? {
            let entry = entry?;
            let name = entry.file_name();
            let generated = folder == web && (name == "node_modules" || name == "dist");
            let kind = entry.file_type()?;
            if kind.is_dir() && !generated {
                folders.push(entry.path());
            } else if kind.is_file() {
                lines.push(facts(&entry.path())?);
            }
        }
    }
    lines.sort();
    Ok(lines.join("\n"))
}
