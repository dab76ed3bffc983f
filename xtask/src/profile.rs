//! `cargo xtask profile`: has the release do what must be quick and writes down where it spends its time, for the compiler to
//! lay the programs out by (profile-guided optimisation, `docs/adr/0013`). One file for each kind of machine, in
//! `xtask/profiles`; every release build takes the one of its own.
//!
//! What is profiled is built as the release is, to the last flag: names of functions depend on it.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

use crate::build;
use crate::command::{cargo, execute, output, program, root, say, target_dir};
use crate::setup;

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

pub fn run() -> anyhow::Result<()> {
    setup::redis()?;
    setup::profile_tools()?;
    build::application()?;
    build::guests()?;
    let compiler = Compiler::ask()?;
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

/// Has a release build use the profile of this kind of machine, where there is one.
pub fn use_in(command: &mut Command) -> anyhow::Result<()> {
    let compiler = Compiler::ask()?;
    let profile = compiler.profile();
    if !profile.is_file() {
        return Ok(());
    }
    let (origin, now) = (fs::read_to_string(origin(&profile)).unwrap_or_default(), compiler.made_of()?);
    if origin != now {
        say("the profile is of other dependencies or another compiler: the program will be slower than it could be");
        say("(`cargo xtask profile` makes a new one)");
    }
    // Another compiler may not even be able to read it.
    if origin.lines().next() != now.lines().next() {
        return Ok(());
    }
    // Cargo does not see what is in it, only what it is called: another profile is another file.
    let content = fs::read(&profile).with_context(|| format!("could not read {}", profile.display()))?;
    let named = target_dir().join("profile").join(format!("{}.profdata", digest(&content)));
    if !named.is_file() {
        fs::create_dir_all(target_dir().join("profile"))?;
        fs::write(&named, content).with_context(|| format!("could not write {}", named.display()))?;
    }
    command.args(compiler.flags(&[&format!("-Cprofile-use={}", named.display()), USING]));
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
