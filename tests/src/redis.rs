//! A Redis for tests that need more than one host, or one that they can stop.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};

use crate::process::Process;

/// A running Redis on a port of its own; its data goes with it.
pub struct Redis {
    process: Process,
    port: u16,
    settings: Vec<String>,
    data: tempfile::TempDir,
}

impl Redis {
    /// Starts one and waits until it takes connections.
    ///
    /// # Errors
    /// When there is no Redis (or Valkey) here, or it does not start.
    pub fn start() -> anyhow::Result<Self> {
        Self::start_with(&[])
    }

    /// The same with settings of its own, `--name value`.
    ///
    /// # Errors
    /// When there is no Redis (or Valkey) here, or it does not start.
    pub fn start_with(settings: &[&str]) -> anyhow::Result<Self> {
        let settings: Vec<String> = settings.iter().map(|word| (*word).to_owned()).collect();
        let data = tempfile::tempdir()?;
        // Free now; another test's Redis that takes it in between makes this one end, and another port is tried.
        for _ in 0..5 {
            let port = free_port()?;
            let mut process = Process::start(command(port, data.path()).args(&settings))?;
            if takes_connections(&mut process, port) {
                return Ok(Self { process, port, settings, data });
            }
        }
        bail!("Redis does not start")
    }

    /// Starts it again on its port and with its data, after it has ended however it did.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        self.process.kill();
        self.process = Process::start(command(self.port, self.data.path()).args(&self.settings))?;
        ensure!(takes_connections(&mut self.process, self.port), "Redis does not start again");
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

    /// A connection to it.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn connection(&self) -> anyhow::Result<redis::aio::MultiplexedConnection> {
        Ok(redis::Client::open(self.url())?.get_multiplexed_async_connection().await?)
    }

    /// Sends one command, its words between spaces.
    ///
    /// # Errors
    /// When it does not answer, or answers something else.
    pub async fn ask<T: redis::FromRedisValue>(&self, command: &str) -> anyhow::Result<T> {
        let mut words = command.split(' ');
        let mut sent = redis::cmd(words.next().unwrap_or_default());
        words.for_each(|word| {
            sent.arg(word);
        });
        Ok(sent.query_async(&mut self.connection().await?).await?)
    }

    /// Every key, in no order.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn keys(&self) -> anyhow::Result<Vec<String>> {
        self.ask("KEYS *").await
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

fn command(port: u16, data: &Path) -> Command {
    let is_here = |name: &str| {
        std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).any(|folder| folder.join(name).is_file())
    };
    let mut command = Command::new(if is_here("redis-server") { "redis-server" } else { "valkey-server" });
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--dir"]);
    command.arg(data);
    command
}

fn takes_connections(process: &mut Process, port: u16) -> bool {
    let deadline = Instant::now() + Duration::from_secs(30);
    while Instant::now() < deadline && process.wait(Duration::ZERO).is_err() {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}
