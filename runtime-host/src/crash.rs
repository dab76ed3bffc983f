//! Where a test lets a process die, and how far its clock is off. Debug builds only: a release knows neither.
//!
//! `IMAGE2MODEL_DIE_AT=after:submit:3` aborts the process, as SIGKILL would end it, when it has passed that point for the
//! third time. Points are called after the scripts of the domain and the stages of FAL. `IMAGE2MODEL_CLOCK_OFFSET_MS` is
//! added to the clock.

#[cfg(debug_assertions)]
mod enabled {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    struct Death {
        side: String,
        name: String,
        left: AtomicU32,
    }

    static DEATH: LazyLock<Option<Death>> = LazyLock::new(|| {
        let text = std::env::var("IMAGE2MODEL_DIE_AT").ok()?;
        let mut parts = text.split(':');
        let (side, name) = (parts.next()?.to_owned(), parts.next()?.to_owned());
        Some(Death { side, name, left: AtomicU32::new(parts.next()?.parse().ok()?) })
    });

    static OFFSET: LazyLock<i64> = LazyLock::new(|| {
        std::env::var("IMAGE2MODEL_CLOCK_OFFSET_MS").ok().and_then(|text| text.parse().ok()).unwrap_or_default()
    });

    pub fn pass(side: &str, name: &str) {
        let Some(death) = DEATH.as_ref().filter(|death| death.side == side && death.name == name) else { return };
        if death.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            std::process::abort();
        }
    }

    pub fn clock_offset_ms() -> i64 {
        *OFFSET
    }
}

#[cfg(not(debug_assertions))]
mod enabled {
    pub const fn pass(_side: &str, _name: &str) {}

    pub const fn clock_offset_ms() -> i64 {
        0
    }
}

pub(crate) use enabled::clock_offset_ms;

/// Does `work`, with a point before and one after it.
pub(crate) async fn around<T>(name: &str, work: impl Future<Output = T>) -> T {
    enabled::pass("before", name);
    let done = work.await;
    enabled::pass("after", name);
    done
}
