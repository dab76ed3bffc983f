//! What became of the tests: run stage by stage, passed on as it is printed, counted, and what failed said once more at the end,
//! where whoever has waited for it looks.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use crate::command::say;
use crate::counts::Counts;

/// Most lines that are said again.
const MOST: usize = 400;

#[derive(Default)]
pub struct Results {
    counts: Counts,
    failed: Vec<String>,
    reasons: Reasons,
}

impl Results {
    /// Runs one stage.
    pub fn run(&mut self, name: &str, command: &mut Command) -> anyhow::Result<()> {
        say(&format!("testing {name}"));
        let mut child = command.stdout(Stdio::piped()).spawn().context("could not start a test runner")?;
        if let Some(stdout) = child.stdout.take() {
            for line in BufReader::new(stdout).lines() {
                let line = line.unwrap_or_default();
                println!("{line}");
                self.counts += Counts::of_line(&line);
                self.reasons.note(&line);
            }
        }
        if !child.wait()?.success() {
            self.failed.push(name.to_owned());
        }
        Ok(())
    }

    /// Says what failed, and the counts; an error when something did.
    pub fn settle(&self) -> anyhow::Result<()> {
        for line in &self.reasons.lines {
            println!("{line}");
        }
        for stage in &self.failed {
            println!("failed: {stage}");
        }
        let Counts { passed, failed, skipped } = self.counts;
        println!("{passed} passed, {failed} failed, {skipped} skipped");
        if !self.failed.is_empty() || failed > 0 {
            bail!("not every test passed");
        }
        Ok(())
    }
}

/// The lines with which a Rust test says why it failed: from its header to the list of those that did. A run in the browser is
/// one of them, with all that Node prints; of that only what failed is kept.
#[derive(Default)]
struct Reasons {
    lines: Vec<String>,
    is_open: bool,
}

impl Reasons {
    fn note(&mut self, line: &str) {
        if line.starts_with("---- ") {
            self.is_open = true;
        } else if line == "failures:" {
            self.is_open = false;
        }
        let passed = ["ok ", "✔ "].iter().any(|mark| line.trim_start().starts_with(mark));
        if self.is_open && !passed && !line.is_empty() && self.lines.len() < MOST {
            self.lines.push(line.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_failed_is_said_again() {
        let mut reasons = Reasons::default();
        let printed = "test a ... ok\ntest b ... FAILED\n\nfailures:\n\n---- b stdout ----\nit broke\nok 1 - a page\n\nfailures:\n    b\n";
        printed.lines().for_each(|line| reasons.note(line));
        assert_eq!(reasons.lines, ["---- b stdout ----", "it broke"]);
    }
}
