//! The clock of the engine: every tick, a guest that has been computing for a while gives its thread back and queues up again. It stands
//! still while there is no instance that could compute, so that a host that nobody asks anything takes no processor time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::living::Living;
use crate::edge::EdgeError;

/// About how long a guest may compute before others on its thread get their turn (`cpu` says how about). Those wait for two of their own turns, and in each for
/// all that compute.
const TICK: Duration = Duration::from_millis(2);

/// Runs until dropped.
pub(super) struct Ticker {
    stop: Arc<AtomicBool>,
    living: Arc<Living>,
}

impl Ticker {
    /// Ticks whenever any of these is there.
    pub fn start(living: Arc<Living>, tick: impl Fn() + Send + 'static) -> Result<Self, EdgeError> {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, watched) = (stop.clone(), living.clone());
        let clock = std::thread::Builder::new()
            .name("wasm-clock".into())
            .spawn(move || {
                while !stopped.load(Ordering::SeqCst) {
                    watched.wait(&stopped);
                    std::thread::sleep(TICK);
                    tick();
                }
            })
            .map_err(|error| EdgeError::Engine(format!("its clock cannot be started: {error}")))?;
        living.is_watched_by(clock.thread().clone());
        Ok(Self { stop, living })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        self.living.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::time::Instant;

    use super::*;

    /// Long enough for many ticks, and for one that is under way.
    const WHILE: Duration = Duration::from_millis(60);

    fn until(what: &str, reached: impl Fn() -> bool) {
        let started = Instant::now();
        while !reached() {
            assert!(started.elapsed() < Duration::from_secs(20), "waited in vain until {what}");
            std::thread::sleep(TICK);
        }
    }

    /// A clock that counts its ticks.
    fn counting(living: &Arc<Living>) -> (Ticker, impl Fn() -> usize + use<>) {
        let ticks = Arc::new(AtomicUsize::new(0));
        let counted = ticks.clone();
        let tick = move || {
            counted.fetch_add(1, Ordering::SeqCst);
        };
        (Ticker::start(living.clone(), tick).unwrap(), move || ticks.load(Ordering::SeqCst))
    }

    #[test]
    fn goes_while_there_is_an_instance_and_only_then() {
        let living = Arc::new(Living::new(2));
        let (ticker, ticks) = counting(&living);
        let goes = || {
            let before = ticks();
            until("it goes", || ticks() > before + 2);
        };
        let rests = || {
            until("it rests", || {
                let before = ticks();
                std::thread::sleep(WHILE);
                ticks() == before
            });
        };
        for _ in 0..3 {
            rests();
            let (one, another) = (living.one_more(), living.one_more());
            goes();
            drop(one);
            goes();
            drop(another);
        }
        rests();
        drop(ticker);
        until("its thread has ended", || Arc::strong_count(&living) == 1);
    }

    #[test]
    fn misses_no_instance_however_soon_it_comes() {
        let living = Arc::new(Living::new(2));
        let (_ticker, ticks) = counting(&living);
        for pause in 0..200 {
            std::thread::sleep(TICK / 10 * (pause % 25));
            let before = ticks();
            let _alive = living.one_more();
            until("it goes", || ticks() > before);
        }
    }
}
