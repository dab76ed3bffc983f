//! Ends the server when the host is killed and cannot do so itself: a shell that waits on a pipe which only the host
//! holds. Without it, every killed host would leave a server running.

use std::process::Stdio;

use tokio::process::{Child, Command};

/// `read` returns when the other end of the pipe is gone.
const SCRIPT: &str = r#"read _; kill -TERM "$0""#;

#[derive(Debug)]
pub(super) struct Watchdog {
    shell: Child,
}

impl Watchdog {
    /// Watches over the server with this process id.
    pub(super) fn over(server: u32) -> std::io::Result<Self> {
        let shell = Command::new("sh")
            .args(["-c", SCRIPT, &server.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        Ok(Self { shell })
    }

    /// Must be done before the server's end is taken note of: its process id may then be given to another.
    pub(super) async fn dismiss(&mut self) {
        let _ = self.shell.start_kill();
        let _ = self.shell.wait().await;
    }
}
