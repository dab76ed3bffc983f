//! `cargo xtask profile`: has the release do what must be quick and writes down where it spends its time, for the compiler
//! (profile-guided optimisation, `docs/adr/0013`) and, once more with what that has made, for the layout of the finished
//! programs (`docs/adr/0018`). Files for each kind of machine in `xtask/profiles`; every release build takes those of its own.
//!
//! What is profiled is built as the release is, to the last flag: names of functions depend on it.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use clap::Args;

use crate::command::{cargo, execute, output, program, root, say, target_dir};
use crate::{build, layout, setup};

/// All programs of a release, built at once: selected one by one they would each build the engine, with features of their
/// own.
pub const PROGRAMS: [&str; 6] =
    ["--package", "image2model-host", "--package", "fal-sim", "--package", "image2model-bench"];

/// Runs of a program add up (`%m`). A program writes its counts when it ends by itself: one that is killed has none.
const COUNTS: &str = "%m.profraw";

/// What counts, with room for more of the values that come up than usual: components are called through tables.
const COUNTING: [&str; 2] = ["-Cprofile-generate", "-Cllvm-args=-vp-counters-per-site=4"];
/// What uses counts: a function that has changed since is built without, and nobody is told.
const USING: &str = "-Cllvm-args=-no-pgo-warn-mismatch";

#[derive(Args)]
pub struct Options {
    /// Keep the compiler's profile, and look only at what it makes of it
    #[arg(long)]
    layout_only: bool,
}

pub fn run(options: &Options) -> anyhow::Result<()> {
    setup::redis()?;
    setup::layout_tool();
    build::application()?;
    build::guests()?;
    let compiler = Compiler::ask()?;
    if !options.layout_only {
        count(&compiler)?;
    }
    look(&compiler)
}

/// Has a release count how often its pieces run, and keeps that for the compiler.
fn count(compiler: &Compiler) -> anyhow::Result<()> {
    setup::profile_tools()?;
    let folder = target_dir().join("profile");
    let counts = folder.join("counts");
    // What was counted before is not what this build does.
    match fs::remove_dir_all(&counts) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error).context("former counts"),
        _ => fs::create_dir_all(&counts)?,
    }
    say("building what counts");
    let mut counting = cargo(&["build", "--release"]);
    counting.args(PROGRAMS).args(compiler.flags(&COUNTING)).env("CARGO_TARGET_DIR", &folder);
    // Build scripts and macros count as well, of which nobody wants to know.
    execute(counting.env("LLVM_PROFILE_FILE", "/dev/null"))?;
    say("counting");
    let mut train = program(folder.join("release/image2model-bench"));
    execute(train.arg("train").env("LLVM_PROFILE_FILE", counts.join(COUNTS)))?;
    let merged = folder.join("merged.profdata");
    let mut merge = program(setup::profdata().context("llvm-profdata is not there")?);
    execute(merge.args(["merge", "--sparse", "--output"]).arg(&merged).arg(&counts))?;
    let size = fs::metadata(&merged)?.len();
    ensure!(size > 100_000, "{} has next to nothing in it", merged.display());
    let written = compiler.profile();
    fs::create_dir_all(written.parent().context("a file in no folder")?)?;
    fs::copy(&merged, &written).with_context(|| format!("could not write {}", written.display()))?;
    fs::write(origin(&written), compiler.made_of()?)?;
    say(&format!("{} has {} KB", written.display(), size / 1000));
    Ok(())
}

/// Has what the compiler makes by that profile do the same again, and keeps in which order its pieces ran.
fn look(compiler: &Compiler) -> anyhow::Result<()> {
    let mut release = cargo(&["build", "--release"]);
    if !compiler.optimise(release.args(PROGRAMS))? {
        say("without BOLT and a profile for this compiler nothing is looked at: what was seen before stays");
        return Ok(());
    }
    say("building what is looked at");
    execute(&mut release)?;
    let (built, folder) = (target_dir().join("release"), target_dir().join("profile/order"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)?;
    // The simulator comes along as it is.
    fs::copy(built.join("fal-sim"), folder.join("fal-sim"))?;
    for name in layout::PROGRAMS {
        layout::count_in(&built.join(name), &folder.join(name), &folder.join(format!("{name}.counts")))?;
    }
    say("looking");
    execute(program(folder.join("image2model-bench")).arg("train"))?;
    for name in layout::PROGRAMS {
        layout::keep(&built.join(name), &folder.join(format!("{name}.counts")), &compiler.seen(name))?;
    }
    Ok(())
}

/// Builds a release by the profile of this kind of machine, where there is one.
pub fn build_release(command: &mut Command, programs: &[&str]) -> anyhow::Result<()> {
    setup::layout_tool();
    let compiler = Compiler::ask()?;
    let is_for_layout = compiler.optimise(command)?;
    execute(command)?;
    for name in programs.iter().filter(|_| is_for_layout) {
        layout::lay_out(&target_dir().join("release").join(name), &compiler.seen(name))?;
    }
    Ok(())
}

/// The compiler, in its own words.
struct Compiler {
    version: String,
    /// The kind of machine this is.
    host: String,
}

impl Compiler {
    fn ask() -> anyhow::Result<Self> {
        let said = output(program("rustc").arg("-vV")).context("rustc was not found")?;
        let host = said.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc builds for nothing")?;
        Ok(Self { version: said.lines().next().unwrap_or_default().to_owned(), host: host.to_owned() })
    }

    /// Where the profile of this kind of machine is kept.
    fn profile(&self) -> PathBuf {
        root().join("xtask/profiles").join(format!("{}.profdata", self.host))
    }

    /// Has a release build use the profile of this kind of machine, where there is one. Tells whether the programs can be
    /// laid out when they are built.
    fn optimise(&self, command: &mut Command) -> anyhow::Result<bool> {
        let profile = self.profile();
        if !profile.is_file() {
            return Ok(false);
        }
        let (origin, now) = (fs::read_to_string(origin(&profile)).unwrap_or_default(), self.made_of()?);
        if origin != now {
            say(
                "the profile is of other dependencies or another compiler: the program will be slower than it could be",
            );
            say("(`cargo xtask profile` makes a new one)");
        }
        // Another compiler may not even be able to read it.
        if origin.lines().next() != now.lines().next() {
            return Ok(false);
        }
        // Cargo does not see what is in it, only what it is called: another profile is another file.
        let content = fs::read(&profile).with_context(|| format!("could not read {}", profile.display()))?;
        let named = target_dir().join("profile").join(format!("{}.profdata", digest(&content)));
        if !named.is_file() {
            fs::create_dir_all(target_dir().join("profile"))?;
            fs::write(&named, content).with_context(|| format!("could not write {}", named.display()))?;
        }
        let using = format!("-Cprofile-use={}", named.display());
        let mut flags = vec![using.as_str(), USING];
        let is_for_layout = setup::bolt().is_some();
        if is_for_layout {
            flags.push(layout::LINKED);
        }
        command.args(self.flags(&flags));
        Ok(is_for_layout)
    }

    /// Where is kept in which order the pieces of a program ran.
    fn seen(&self, name: &str) -> PathBuf {
        root().join("xtask/profiles").join(format!("{}.{name}.yaml", self.host))
    }

    /// What the names of a release's functions depend on: the compiler, and every dependency of the programs with its
    /// features.
    fn made_of(&self) -> anyhow::Result<String> {
        let mut tree =
            cargo(&["tree", "--locked", "--edges", "normal,build", "--prefix", "none", "--format", "{p} {f}"]);
        let said = output(tree.args(PROGRAMS)).context("what the programs depend on is not known")?;
        // Where the checkout is does not matter, nor which of several mentions is the first.
        let here = root().display().to_string();
        let named = said.lines().map(|line| line.trim_end_matches(" (*)").trim_end().replace(&here, ""));
        let all: Vec<String> = named.collect::<BTreeSet<_>>().into_iter().collect();
        Ok(format!("{}\ndependencies {}\n", self.version, digest(all.join("\n").as_bytes())))
    }

    /// The native programs' flags, in cargo's words.
    fn flags(&self, flags: &[&str]) -> [OsString; 2] {
        let setting = format!("target.{}.rustflags={flags:?}", self.host);
        ["--config".into(), setting.into()]
    }
}

/// Beside the profile, what it was made of.
fn origin(profile: &Path) -> PathBuf {
    profile.with_extension("txt")
}

/// Tells contents apart; nobody tries to deceive it.
fn digest(content: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}
