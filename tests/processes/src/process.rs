//! Child processes that never outlive a test: ended when dropped, by their own id only.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// The repository's root.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new(".")).to_path_buf()
}

/// A program that the workspace builds.
///
/// # Errors
/// When it has not been built.
pub fn program(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.parent().context("the program lies in no folder")?;
    // Test binaries lie one folder deeper than the programs.
    let path = folder.parent().filter(|_| folder.ends_with("deps")).unwrap_or(folder).join(name);
    if !path.is_file() {
        bail!("{} is not built; run `cargo xtask test`", path.display());
    }
    Ok(path)
}

/// A running child whose output is collected line by line.
pub struct Process {
    child: Child,
    lines: mpsc::Receiver<String>,
    seen: Vec<String>,
}

impl Process {
    /// Starts it in the repository's root, both outputs collected.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(command: &mut Command) -> anyhow::Result<Self> {
        let mut child =
            command.current_dir(root()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let (sender, lines) = mpsc::channel();
        for output in [child.stdout.take().map(boxed), child.stderr.take().map(boxed)].into_iter().flatten() {
            let sender = sender.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        break;
                    }
                }
            });
        }
        Ok(Self { child, lines, seen: Vec::new() })
    }

    /// The rest of the first line that begins with `prefix`.
    ///
    /// # Errors
    /// When the program ends, or says nothing of the kind within two minutes; what it said is in the error.
    pub fn wait_for(&mut self, prefix: &str) -> anyhow::Result<String> {
        let line = self.wait_until(|line| line.starts_with(prefix), Duration::from_secs(120))?;
        Ok(line.strip_prefix(prefix).unwrap_or_default().trim().to_owned())
    }

    /// The first line of that kind.
    ///
    /// # Errors
    /// When the program ends, or says nothing of the kind in that time; what it said is in the error.
    pub fn wait_until(&mut self, is_meant: impl Fn(&str) -> bool, limit: Duration) -> anyhow::Result<String> {
        let deadline = Instant::now() + limit;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if is_meant(&line) {
                        return Ok(line);
                    }
                }
                Err(_) => bail!("what was waited for was not printed; the program said:\n{}", self.seen.join("\n")),
            }
        }
    }

    /// Everything printed so far.
    pub fn said(&mut self) -> String {
        self.seen.extend(self.lines.try_iter());
        self.seen.join("\n")
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Resident memory, in bytes.
    ///
    /// # Errors
    /// Where there is no `/proc`.
    pub fn resident_bytes(&self) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id()))?;
        let kilobytes =
            status.lines().find_map(|line| line.strip_prefix("VmRSS:")).and_then(|rest| rest.split_whitespace().next());
        Ok(kilobytes.unwrap_or_default().parse::<u64>()? * 1024)
    }

    /// Sends a signal by name, `TERM`, `STOP`, `CONT`.
    ///
    /// # Errors
    /// When it cannot be sent.
    pub fn signal(&self, name: &str) -> anyhow::Result<()> {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status()?;
        if !status.success() {
            bail!("could not send {name}");
        }
        Ok(())
    }

    /// Tells it to end, by SIGTERM, and waits until it has ended well.
    ///
    /// # Errors
    /// When it is still there after the time, or ends otherwise.
    pub fn stop(&mut self, limit: Duration) -> anyhow::Result<()> {
        self.signal("TERM")?;
        let status = self.wait(limit)?;
        if !status.success() {
            bail!("it ended with {status}:\n{}", self.said());
        }
        Ok(())
    }

    /// Ends it at once, as `kill -9` does.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits for it to end.
    ///
    /// # Errors
    /// When it is still there after the time.
    pub fn wait(&mut self, limit: Duration) -> anyhow::Result<ExitStatus> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if Instant::now() > deadline {
                bail!("it did not end within {limit:?}; it said:\n{}", self.said());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn boxed(output: impl std::io::Read + Send + 'static) -> Box<dyn std::io::Read + Send> {
    Box::new(output)
}
