//! The process's end: SIGTERM or Ctrl-C asks for an orderly stop, a second one forces it.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// What signals have asked for so far.
#[derive(Debug, Clone, Default)]
pub struct Signals {
    /// Stop in order.
    pub stop: CancellationToken,
    /// Stop at once.
    pub force: CancellationToken,
}

impl Signals {
    /// Listens from now on.
    ///
    /// # Errors
    /// The system's, when signals cannot be received.
    pub fn listen() -> std::io::Result<Self> {
        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let signals = Self::default();
        let told = signals.clone();
        tokio::spawn(async move {
            for token in [told.stop, told.force] {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                token.cancel();
            }
        });
        Ok(signals)
    }
}
