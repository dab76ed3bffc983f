//! A server that outlived a killed host: two servers on the same files would corrupt them, so it is stopped first.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use super::{ChildError, Settings, Store};

const STOP_WITHIN: Duration = Duration::from_secs(10);

/// Stops the server of the run before, if it still runs, and waits for its end.
pub(super) async fn stop(dir: &Path) -> Result<(), ChildError> {
    let Some(settings) = Settings::read(dir) else { return Ok(()) };
    let Some(pid) = find(&settings).await else { return Ok(()) };
    tracing::warn!(pid, "a private Redis of a former run is still there, stopping it");
    for signal in [Signal::TERM, Signal::KILL] {
        if end(pid, signal).await {
            return Ok(());
        }
    }
    Err(ChildError::Leftover(pid))
}

/// Its process id: from the server itself when it answers, else from its pid file, when that process really is it.
async fn find(settings: &Settings) -> Option<u32> {
    if let Some(pid) = ask(settings).await {
        return Some(pid);
    }
    let pid = fs::read_to_string(settings.pid_file()).ok()?.trim().parse().ok()?;
    is_server_of(pid, settings).then_some(pid)
}

/// Only our own server knows the password, so whoever accepts it is the one.
async fn ask(settings: &Settings) -> Option<u32> {
    let store = Store::open(&settings.url()).ok()?;
    let info: String = store.query(::redis::cmd("INFO").arg("server")).await.ok()?;
    info.lines().find_map(|line| line.trim_end().strip_prefix("process_id:")?.parse().ok())
}

/// A process id may have been given to another program since: the arguments or the title must be our server's.
fn is_server_of(pid: u32, settings: &Settings) -> bool {
    let Ok(raw) = fs::read(format!("/proc/{pid}/cmdline")) else { return false };
    let line = String::from_utf8_lossy(&raw);
    let config = settings.config_file();
    line.contains(&*config.to_string_lossy()) || line.contains(&format!("-server 127.0.0.1:{}", settings.port))
}

async fn end(pid: u32, signal: Signal) -> bool {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return false };
    let _ = kill_process(pid, signal);
    let started = tokio::time::Instant::now();
    while started.elapsed() < STOP_WITHIN {
        if test_kill_process(pid).is_err() || is_zombie(pid) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    false
}

/// Ended, but whoever adopted it has not taken note yet: it holds no files any more.
fn is_zombie(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('Z'))
}
