//! The threads that compile: before anything is served as many as there are cores, later half as many, which come after
//! those that answer. They end with what they were for, and so give back the memory that it took.

use std::num::NonZero;

use rayon::ThreadPoolBuilder;
use rayon::iter::{IntoParallelIterator, ParallelIterator};
pub(crate) use rayon::join;

use crate::edge::EdgeError;

/// How much lower the priority of a release's compilation is (`setpriority(2)`): each step is about a quarter less of the
/// processor beside others. Not the lowest of all: a release must be ready in time on a busy machine, too.
const LOWER: i32 = 10;

/// Does `work` for each, on all threads that compile.
pub(crate) fn on_all_cores<T: Send, R: Send>(
    all: Vec<T>,
    work: impl Fn(T) -> Result<R, EdgeError> + Sync + Send,
) -> Result<Vec<R>, EdgeError> {
    all.into_par_iter().map(work).collect()
}

/// Does `work` on threads of its own, as many as there are cores.
pub(crate) fn at_the_start<R: Send>(work: impl FnOnce() -> Result<R, EdgeError> + Send) -> Result<R, EdgeError> {
    on(ThreadPoolBuilder::new(), work)
}

/// Does `work`, and all that it does on all cores, on threads of a lower priority and on half of the cores: whoever answers
/// finds one that nobody compiles on.
pub(crate) fn aside<R: Send>(work: impl FnOnce() -> Result<R, EdgeError> + Send) -> Result<R, EdgeError> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let threads = ThreadPoolBuilder::new().num_threads((cores / 2).max(1)).start_handler(|_| {
        // Linux takes "this process" for the thread that asks. Elsewhere it would slow down the others as well.
        #[cfg(target_os = "linux")]
        let lower = |own: i32| rustix::process::setpriority_process(None, own.saturating_add(LOWER).min(19));
        #[cfg(target_os = "linux")]
        if let Err(error) = rustix::process::getpriority_process(None).and_then(lower) {
            tracing::debug!(%error, "threads that compile keep their priority");
        }
    });
    on(threads, work)
}

fn on<R: Send>(threads: ThreadPoolBuilder, work: impl FnOnce() -> Result<R, EdgeError> + Send) -> Result<R, EdgeError> {
    let threads = threads.thread_name(|n| format!("compile-{n}")).build();
    let threads = threads.map_err(|error| EdgeError::Engine(format!("no threads to compile on: {error}")))?;
    threads.install(work)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_aside_comes_last_and_nothing_else_does() {
        let own = || rustix::process::getpriority_process(None).unwrap();
        let before = own();
        let all = aside(|| on_all_cores(vec![1, 2, 3], |n| Ok((n * 2, own())))).unwrap();
        let lower = (before + LOWER).min(19);
        assert_eq!(all, [(2, lower), (4, lower), (6, lower)]);
        assert_eq!(own(), before);
    }
}
