//! The request that is being worked on, so that every log line names it without being told.
//!
//! Requests of one instance take turns within a thread: the names are those of whichever is being polled.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;

/// What log lines call a request.
#[derive(Debug)]
pub struct Names {
    /// Its id.
    pub request_id: String,
    /// Its trace.
    pub trace_id: String,
    /// Its place in it, as a `traceparent` header: what goes out on its behalf has it.
    pub traceparent: String,
}

thread_local! {
    static CURRENT: RefCell<Option<Rc<Names>>> = const { RefCell::new(None) };
}

/// Does the work in the name of a request.
pub async fn within<F: Future>(names: Names, work: F) -> F::Output {
    let (names, mut work) = (Rc::new(names), pin!(work));
    poll_fn(|context| {
        let former = CURRENT.replace(Some(Rc::clone(&names)));
        let polled = work.as_mut().poll(context);
        CURRENT.set(former);
        polled
    })
    .await
}

/// The request that is being worked on, if it is one.
pub(crate) fn current() -> Option<Rc<Names>> {
    CURRENT.with_borrow(Clone::clone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::executor::block_on;
    use futures::future::join;

    async fn named(id: &str) -> Vec<Option<String>> {
        let names = Names { request_id: id.to_owned(), trace_id: String::new(), traceparent: String::new() };
        let look = || current().map(|names| names.request_id.clone());
        within(names, async {
            let first = look();
            // Lets the other have its turn.
            let mut waited = false;
            poll_fn(|context| {
                context.waker().wake_by_ref();
                if std::mem::replace(&mut waited, true) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
            })
            .await;
            vec![first, look()]
        })
        .await
    }

    #[test]
    fn requests_that_take_turns_keep_their_names() {
        let (one, two) = block_on(join(named("a"), named("b")));
        assert_eq!((one, two), (vec![Some("a".to_owned()); 2], vec![Some("b".to_owned()); 2]));
        assert!(current().is_none());
    }
}
