//! Why the private Redis cannot run, in words for who started the host.

use std::path::PathBuf;

/// A private Redis that could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChildError {
    /// Neither program is installed.
    #[error(
        "neither redis-server nor valkey-server is installed; install one (Debian, Ubuntu: `apt-get install redis-server`; \
         macOS: `brew install redis`) or set REDIS_URL to a Redis that runs already"
    )]
    NoProgram,
    /// Another host has the folder.
    #[error("another image2model is using the data folder {}; stop it, or choose another with --data-dir", .0.display())]
    InUse(PathBuf),
    /// The folder cannot be written.
    #[error("cannot use the data folder {}: {source}", .path.display())]
    Folder {
        /// Which file or folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It ended instead of starting.
    #[error("the private Redis ended while starting ({status}): {last_words}")]
    Exited {
        /// How it ended.
        status: String,
        /// Its last line of output.
        last_words: String,
    },
    /// It runs but does not answer.
    #[error("the private Redis does not answer after {0} s")]
    Silent(u64),
    /// A server of a former run does not go away.
    #[error("a Redis server of a former run (process {0}) still uses the data folder and does not stop")]
    Leftover(u32),
}

impl ChildError {
    /// Stable name for logs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoProgram => "REDIS_NOT_INSTALLED",
            Self::InUse(_) => "DATA_FOLDER_IN_USE",
            Self::Folder { .. } => "DATA_FOLDER",
            Self::Exited { .. } => "REDIS_EXITED",
            Self::Silent(_) => "REDIS_SILENT",
            Self::Leftover(_) => "REDIS_LEFTOVER",
        }
    }
}
