//! The threads that compile: before anything is served as many as there are cores, later just as many, but only with what
//! those that answer leave over.

use rayon::ThreadPoolBuilder;
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::edge::EdgeError;

/// The lowest priority that a thread can have (`setpriority(2)`).
const LAST: i32 = 19;

/// Does `work` for each, on all threads that compile.
pub(crate) fn on_all_cores<T: Send, R: Send>(
    all: Vec<T>,
    work: impl Fn(T) -> Result<R, EdgeError> + Sync + Send,
) -> Result<Vec<R>, EdgeError> {
    all.into_par_iter().map(work).collect()
}

/// Does `work`, and all that it does on all cores, on threads that come after everything else. They end with it.
pub(crate) fn aside<R: Send>(work: impl FnOnce() -> Result<R, EdgeError> + Send) -> Result<R, EdgeError> {
    let threads = ThreadPoolBuilder::new().thread_name(|n| format!("compile-{n}")).start_handler(|_| {
        // Linux takes "this process" for the thread that asks. Elsewhere it would slow down the others as well.
        #[cfg(target_os = "linux")]
        if let Err(error) = rustix::process::setpriority_process(None, LAST) {
            tracing::debug!(%error, "threads that compile keep their priority");
        }
    });
    let threads = threads.build().map_err(|error| EdgeError::Engine(format!("no threads to compile on: {error}")))?;
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
        assert_eq!(all, [(2, LAST), (4, LAST), (6, LAST)]);
        assert_eq!(own(), before);
    }
}
