//! What became of the tests: run stage by stage, passed on as it is printed, counted, and what failed said once more at the end,
//! where whoever has waited for it looks.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use crate::command::say;
use crate::counts::Counts;

/// Most lines of one failure that are said again.
const MOST: usize = 8;
/// Most characters of such a line.
const LONGEST: usize = 240;

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

/// The first lines with which a test says why it failed: a Rust test from its header on, until the list of those that failed.
/// A run in the browser is one of them, and within it each of Node's tests (in the Test Anything Protocol) is one by itself.
#[derive(Default)]
struct Reasons {
    lines: Vec<String>,
    /// How many more lines are kept of the failure that is being told; `None` outside of one.
    left: Option<usize>,
}

impl Reasons {
    fn note(&mut self, line: &str) {
        let begins = line.starts_with("---- ") || (self.left.is_some() && line.trim_start().starts_with("not ok "));
        if line == "failures:" {
            self.left = None;
        } else if begins {
            self.left = Some(MOST);
        } else if is_noise(line.trim()) {
            return;
        }
        if let Some(left @ 1..) = self.left {
            self.left = Some(left - 1);
            self.lines.push(line.chars().take(LONGEST).collect());
        }
    }
}

/// What tells nothing of a failure: Node's passed tests and particulars, and what the product logged meanwhile.
fn is_noise(line: &str) -> bool {
    const BEGINNINGS: [&str; 9] =
        ["ok ", "# ", "---", "...", "TAP version", "duration_ms:", "location:", "failureType:", "type:"];
    const LEVELS: [&str; 4] = ["Z  INFO ", "Z  WARN ", "Z ERROR ", "Z DEBUG "];
    line.is_empty()
        || BEGINNINGS.iter().any(|beginning| line.starts_with(beginning))
        || LEVELS.iter().any(|level| line.contains(level))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_failed_is_said_again_and_briefly() {
        let mut reasons = Reasons::default();
        let product = "2026-01-01T00:00:00.000000Z  INFO a model is done";
        let node = "TAP version 13\n# Subtest: a page\nok 1 - a page\n  ---\n  duration_ms: 3\n  ...\n\
                    # Subtest: a job\nnot ok 2 - a job\n  ---\n  duration_ms: 4\n  error: |-\n    it broke";
        let many = "more\n".repeat(2 * MOST);
        let printed = format!(
            "test a ... ok\ntest b ... FAILED\nfailures:\n---- b stdout ----\n{product}\n{node}\n{many}failures:\n b\n"
        );
        printed.lines().for_each(|line| reasons.note(line));
        let told = ["---- b stdout ----", "not ok 2 - a job", "  error: |-", "    it broke"];
        assert_eq!(reasons.lines[..4], told);
        assert_eq!(reasons.lines.len(), 1 + MOST);
        reasons.note("---- c stdout ----");
        reasons.note(&"x".repeat(2 * LONGEST));
        assert_eq!(reasons.lines.last().map(String::len), Some(LONGEST));
    }
}
