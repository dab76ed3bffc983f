//! One run of the server process: start, wait for its answer, watch, stop.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};

use super::watchdog::Watchdog;
use super::{ChildError, Settings};

/// Replaying a long append-only file takes a while.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// Longest time for writing out at the end.
const STOP_WITHIN: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    watchdog: Option<Watchdog>,
}

impl Server {
    /// Starts the program and waits until it answers.
    pub(super) async fn start(program: &Path, settings: &Settings) -> Result<Self, ChildError> {
        let at = |source| ChildError::Folder { path: program.to_owned(), source };
        // A group of its own: Ctrl-C in a terminal must not end Redis before the host has finished with it.
        let mut child = Command::new(program)
            .arg(settings.config_file())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(at)?;
        let last_words = Arc::new(Mutex::new(String::new()));
        if let Some(out) = child.stdout.take() {
            tokio::spawn(log_lines(out, Arc::clone(&last_words)));
        }
        if let Some(err) = child.stderr.take() {
            tokio::spawn(log_lines(err, Arc::clone(&last_words)));
        }
        let watchdog = child.id().and_then(|id| Watchdog::over(id).inspect_err(no_watchdog).ok());
        let mut server = Self { child, watchdog };
        server.wait_until_ready(settings, &last_words).await?;
        Ok(server)
    }

    async fn wait_until_ready(&mut self, settings: &Settings, last_words: &Mutex<String>) -> Result<(), ChildError> {
        let started = tokio::time::Instant::now();
        while started.elapsed() < READY_WITHIN {
            if let Ok(Some(status)) = self.child.try_wait() {
                tokio::time::sleep(Duration::from_millis(50)).await;
                let last_words = last_words.lock().clone();
                return Err(ChildError::Exited { status: status.to_string(), last_words });
            }
            if super::answers(settings).await {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        Err(ChildError::Silent(READY_WITHIN.as_secs()))
    }

    /// Waits until it ends by itself.
    pub(super) async fn ended(&mut self) -> String {
        self.child.wait().await.map_or_else(|e| e.to_string(), |status: ExitStatus| status.to_string())
    }

    /// Before another process can get its id.
    pub(super) async fn dismiss_watchdog(&mut self) {
        if let Some(mut watchdog) = self.watchdog.take() {
            watchdog.dismiss().await;
        }
    }

    /// Asks it to end; kills it when it does not.
    pub(super) async fn stop(mut self) {
        self.dismiss_watchdog().await;
        if let Some(pid) = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::TERM);
        }
        if tokio::time::timeout(STOP_WITHIN, self.child.wait()).await.is_err() {
            tracing::warn!("private Redis did not stop in time and is killed");
            let _ = self.child.kill().await;
        }
    }
}

fn no_watchdog(error: &std::io::Error) {
    tracing::warn!(%error, "nothing will stop the private Redis if this process is killed");
}

/// Passes the server's own log on, and keeps its last line for an error message.
async fn log_lines(from: impl AsyncRead + Unpin, last: Arc<Mutex<String>>) {
    let mut lines = BufReader::new(from).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        tracing::debug!(target: "redis_server", line = %line, "private Redis says");
        if !line.trim().is_empty() {
            *last.lock() = line;
        }
    }
}
