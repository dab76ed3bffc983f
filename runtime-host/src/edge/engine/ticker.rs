//! The clock of the engine: every tick, a guest that is still computing gives its thread back and queues up again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use wasmtime::Engine;

use crate::edge::EdgeError;

/// How long a guest may compute before others on its thread get their turn. Those wait for two of their own turns, and in each for
/// all that compute.
const TICK: Duration = Duration::from_millis(2);

/// Runs until dropped.
pub(super) struct Ticker {
    stop: Arc<AtomicBool>,
}

impl Ticker {
    pub fn start(engine: Engine) -> Result<Self, EdgeError> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        std::thread::Builder::new()
            .name("wasm-clock".into())
            .spawn(move || {
                while !stopped.load(Ordering::Relaxed) {
                    std::thread::sleep(TICK);
                    engine.increment_epoch();
                }
            })
            .map_err(|error| EdgeError::Engine(format!("its clock cannot be started: {error}")))?;
        Ok(Self { stop })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
