//! The last step of a release, where LLVM's BOLT is there: a finished program's pieces are put into the order in which they
//! were seen to run (`docs/adr/0018`). The compiler's own profile knows how often a function ran, this one where from.
//!
//! What was seen is kept beside the compiler's profile, one file for each program. Pieces are found by what they do: those
//! that have changed since stay where the linker put them. Where the file is not there, or the tool fails, the program is
//! the linker's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, ensure};

use crate::command::{execute, facts, program, say, succeeds, target_dir};
use crate::setup;

/// The programs that are laid out: the product, and what it is measured with.
pub const PROGRAMS: [&str; 2] = ["image2model", "image2model-bench"];

/// Has the linker leave in the program where its pieces refer to each other, which the tool takes out again.
pub const LINKED: &str = "-Clink-arg=-Wl,--emit-relocs";

/// What ran less often in minutes is not worth its place in the repository.
const OFTEN: u64 = 1_000;

/// Pages of the usual size: the kernel takes large ones into memory whole, and a process held four megabytes more.
const ORDER: [&str; 6] = [
    "-reorder-blocks=ext-tsp",
    "-reorder-functions=cdsort",
    "-split-functions",
    "-split-all-cold",
    "-split-eh",
    "-no-huge-pages",
];

/// Puts a program of a release into order, if `seen` is there.
pub fn lay_out(built: &Path, seen: &Path) -> anyhow::Result<()> {
    if !seen.is_file() {
        return Ok(());
    }
    let folder = target_dir().join("profile/laid-out");
    fs::create_dir_all(&folder)?;
    let made = folder.join(built.file_name().context("a program without a name")?);
    let note = made.with_extension("of");
    let sources = format!("{}\n{}\n{ORDER:?}\n", facts(built)?, facts(seen)?);
    if !made.is_file() || fs::read_to_string(&note).unwrap_or_default() != sources {
        let mut order = program(tool()?);
        order.arg(built).arg("-o").arg(&made).arg("-data").arg(seen).args(ORDER);
        if !succeeds(&mut order) || !succeeds(program(&made).arg("--help")) {
            say(&format!("{} could not be laid out: it is slower than it could be", built.display()));
            return Ok(());
        }
        fs::write(note, sources)?;
    }
    // In one step: somebody may be running it.
    let next = built.with_extension("next");
    fs::copy(&made, &next)?;
    fs::rename(&next, built).with_context(|| format!("could not replace {}", built.display()))
}

/// Makes of a program one that counts how its pieces follow each other, into files that begin as `counts` does.
pub fn count_in(built: &Path, counting: &Path, counts: &Path) -> anyhow::Result<()> {
    let mut make = program(tool()?);
    make.arg(built).arg("-o").arg(counting).arg("-instrument").arg("-instrumentation-file").arg(counts);
    execute(make.arg("-instrumentation-file-append-pid").stdout(Stdio::null()).stderr(Stdio::null()))
}

/// Makes what is kept of all that a program has counted.
pub fn keep(built: &Path, counts: &Path, seen: &Path) -> anyhow::Result<()> {
    let folder = counts.parent().context("counts in no folder")?;
    let beginning = format!("{}.", counts.file_name().unwrap_or_default().to_string_lossy());
    let all: Vec<PathBuf> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    let own = |path: &&PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&beginning));
    let all: Vec<&PathBuf> = all.iter().filter(own).collect();
    ensure!(!all.is_empty(), "nothing of {} was counted", built.display());
    let merged = folder.join("merged");
    let merge = tool()?.with_file_name("merge-fdata");
    execute(program(merge).args(all).stdout(fs::File::create(&merged)?).stderr(Stdio::null()))?;
    // A line is a jump, its last word how often it was taken.
    let lines = fs::read_to_string(&merged)?;
    let is_kept = |line: &&str| {
        line.rsplit(' ').next().and_then(|times| times.parse().ok()).is_some_and(|times: u64| times >= OFTEN)
    };
    fs::write(&merged, lines.lines().filter(is_kept).flat_map(|line| [line, "\n"]).collect::<String>())?;
    // It writes down what the program is called, which is not to be a place on this machine.
    let (place, name) = built.parent().zip(built.file_name()).context("a program in no folder")?;
    let mut write = program(tool()?);
    write.current_dir(place).arg(name).args(["-o", "/dev/null", "-profile-format=yaml"]);
    execute(write.arg("-data").arg(&merged).arg("-w").arg(seen).stdout(Stdio::null()).stderr(Stdio::null()))
}

fn tool() -> anyhow::Result<PathBuf> {
    setup::bolt().context("llvm-bolt is not there")
}
