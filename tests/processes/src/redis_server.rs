//! A redis-server (or valkey-server) of a test's own, which can be killed and started again with its data.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::bail;

use crate::process::Process;

/// What it prints once it may be used. A connection would not tell whether it is this one's: two that were started on one
/// port at a time are told apart only by what they say.
const READY: &str = "Ready to accept connections";
/// How often another port is tried when somebody took the one that was free.
const PORTS: usize = 5;

/// A running Redis on a port of its own; its data goes with it.
pub struct RedisServer {
    process: Process,
    port: u16,
    settings: Vec<String>,
    data: tempfile::TempDir,
}

impl RedisServer {
    /// Starts one that writes down what it is told, and waits until it may be used. `settings` are `--name value`.
    ///
    /// # Errors
    /// When there is no Redis (or Valkey) here, or it does not start.
    pub fn start(settings: &[&str]) -> anyhow::Result<Self> {
        let settings: Vec<String> = settings.iter().map(|word| (*word).to_owned()).collect();
        let data = tempfile::tempdir()?;
        let mut said = String::new();
        for _ in 0..PORTS {
            let port = free_port()?;
            match run(port, data.path(), &settings) {
                Ok(process) => return Ok(Self { process, port, settings, data }),
                Err(error) => said = error.to_string(),
            }
        }
        bail!("Redis does not start: {said}")
    }

    /// Starts it again on its port and with its data, after it has ended however it did.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        self.process.kill();
        self.process = run(self.port, self.data.path(), &self.settings)?;
        Ok(())
    }

    /// For `REDIS_URL`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Where it listens, on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The running process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }
}

/// A port that nothing listens on now.
///
/// # Errors
/// When there is none.
pub fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn run(port: u16, data: &Path, settings: &[String]) -> anyhow::Result<Process> {
    let is_here = |name: &str| {
        std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).any(|folder| folder.join(name).is_file())
    };
    let mut command = Command::new(if is_here("redis-server") { "redis-server" } else { "valkey-server" });
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--dir"]);
    let mut process = Process::start(command.arg(data).args(settings))?;
    process.wait_until(|line| line.contains(READY), Duration::from_secs(30))?;
    Ok(process)
}
