//! What can go wrong when native code calls a component, and the bounds of such calls.

use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::usage::Usage;

/// The longest one call may take.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// Calls of one component at a time; more wait for their turn within `CALL_TIMEOUT`.
pub(crate) const CALLS: usize = 64;

/// Why a component gave no answer. None of these says anything about the request; the details are in the log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// It took too long, or too many calls were waiting.
    #[error("component {component:?} did not answer in time")]
    TimedOut {
        /// Its id.
        component: String,
    },
    /// It trapped or could not be started.
    #[error("component {component:?} failed: {message}")]
    Failed {
        /// Its id.
        component: String,
        /// What the engine said; for the log, not for clients.
        message: String,
    },
}

impl CallError {
    /// A stable name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TimedOut { .. } => "COMPONENT_TIMEOUT",
            Self::Failed { .. } => "COMPONENT_FAILED",
        }
    }

    /// The status for a client whose request depended on the call.
    pub fn status(&self) -> http::StatusCode {
        match self {
            Self::TimedOut { .. } => http::StatusCode::GATEWAY_TIMEOUT,
            Self::Failed { .. } => http::StatusCode::BAD_GATEWAY,
        }
    }

    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::TimedOut { .. })
    }

    /// The label under which it is counted.
    pub fn metric_label(&self) -> &'static str {
        self.code()
    }
}

/// Runs `call` within the bounds, and counts it.
pub(crate) async fn bounded<R>(
    component: &str,
    places: &Semaphore,
    usage: &Usage,
    call: impl Future<Output = wasmtime::Result<R>>,
) -> Result<R, CallError> {
    let run = async {
        let _place = places.acquire().await;
        call.await
    };
    let started = Instant::now();
    let ended = tokio::time::timeout(CALL_TIMEOUT, run).await;
    usage.answered(started.elapsed(), !matches!(ended, Ok(Ok(_))));
    match ended {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => {
            usage.failed(&error);
            Err(CallError::Failed { component: component.to_owned(), message: format!("{error:#}") })
        }
        Err(_) => {
            usage.timed_out();
            Err(CallError::TimedOut { component: component.to_owned() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::cpu::OutOfTime;

    #[tokio::test]
    async fn what_goes_wrong_is_counted_as_what_it_is() {
        let (usage, places) = (Usage::default(), Semaphore::new(1));
        let asked = async |call: Result<(), wasmtime::Error>| bounded("one", &places, &usage, async { call }).await;
        asked(Ok(())).await.unwrap();
        assert!(matches!(asked(Err(wasmtime::format_err!("a trap"))).await, Err(CallError::Failed { .. })));
        assert!(matches!(asked(Err(OutOfTime.into())).await, Err(CallError::Failed { .. })));
        let endless = bounded("one", &places, &usage, std::future::pending::<wasmtime::Result<()>>());
        assert!(matches!(endless.await, Err(CallError::TimedOut { .. })));
        let counted = usage.read();
        assert_eq!((counted.requests, counted.traps, counted.cpu_exceeded, counted.timeouts), (4, 2, 1, 1));
    }
}
