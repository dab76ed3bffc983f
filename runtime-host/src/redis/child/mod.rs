//! A private Redis server, for those who have none: started, watched, restarted and stopped by the host.
//!
//! Its data (append-only file) stays in the data folder. One host at a time owns the folder (a file lock that dies with
//! the process); a server left over by a host that was killed is stopped before a new one opens the same files.

mod error;
mod leftover;
mod server;
mod settings;
mod watchdog;

pub use error::ChildError;

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::Store;
use server::Server;
use settings::Settings;

/// How often another port is tried when the chosen one was taken meanwhile.
const STARTS: u32 = 5;
const FORMER_HOST_ENDS_WITHIN: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The running server. [`ChildRedis::stop`] ends it in order; dropping it kills it.
#[derive(Debug)]
pub struct ChildRedis {
    settings: Settings,
    stop: CancellationToken,
    keeper: AbortOnDropHandle<()>,
    _lock: File,
}

impl ChildRedis {
    /// Finds `redis-server` or `valkey-server` on the path, starts it in `dir` and waits until it answers.
    ///
    /// # Errors
    /// [`ChildError`]: no such program, the folder is in use or unusable, or the server does not come up.
    pub async fn start(dir: &Path) -> Result<Self, ChildError> {
        let program = settings::find_program()?;
        let lock = take_folder(dir).await?;
        leftover::stop(dir).await?;
        let mut attempt = 1;
        let (settings, server) = loop {
            let settings = Settings::write(dir)?;
            match Server::start(&program, &settings).await {
                Ok(server) => break (settings, server),
                Err(ChildError::Exited { .. }) if attempt < STARTS => attempt += 1,
                Err(error) => return Err(error),
            }
        };
        tracing::info!(port = settings.port, "private Redis is ready");
        let stop = CancellationToken::new();
        let keeper = tokio::spawn(keep(program, settings.clone(), server, stop.clone()));
        Ok(Self { settings, stop, keeper: AbortOnDropHandle::new(keeper), _lock: lock })
    }

    /// Where to connect, password included.
    #[must_use]
    pub fn url(&self) -> String {
        self.settings.url()
    }

    /// Where to connect to the server of `dir`, password included, if one was started there: whether it still runs is not
    /// looked at.
    #[must_use]
    pub fn url_of(dir: &Path) -> Option<String> {
        Settings::read(dir).map(|settings| settings.url())
    }

    /// Stops the server: it writes out what it has and ends, or is killed after a while.
    pub async fn stop(self) {
        self.stop.cancel();
        if self.keeper.await.is_err() {
            tracing::error!("the keeper of the private Redis broke down");
        }
    }
}

/// A host that was killed a moment ago may not be gone altogether.
async fn take_folder(dir: &Path) -> Result<File, ChildError> {
    let started = tokio::time::Instant::now();
    loop {
        match settings::own_folder(dir) {
            Err(ChildError::InUse(_)) if started.elapsed() < FORMER_HOST_ENDS_WITHIN => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            other => return other,
        }
    }
}

/// Restarts the server, on the same port, whenever it ends by itself.
async fn keep(program: std::path::PathBuf, settings: Settings, mut server: Server, stop: CancellationToken) {
    let mut pause = Duration::from_millis(200);
    loop {
        tokio::select! {
            () = stop.cancelled() => return server.stop().await,
            status = server.ended() => tracing::error!(%status, "private Redis ended, starting it again"),
        }
        server.dismiss_watchdog().await;
        server = loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
            match Server::start(&program, &settings).await {
                Ok(server) => break server,
                Err(error) => tracing::error!(error = %error, "private Redis does not start"),
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        };
        tracing::info!(port = settings.port, "private Redis is ready again");
        pause = Duration::from_millis(200);
    }
}

/// Whether a server answers there with this password, once.
async fn answers(settings: &Settings) -> bool {
    match Store::open(&settings.url()) {
        Ok(store) => store.ping().await.is_ok(),
        Err(_) => false,
    }
}
