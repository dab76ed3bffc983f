//! A body whose frames must keep coming: a pause longer than it may be ends it with an error.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep};

/// Wraps `B`; after `pause` without a frame it answers the error `late` makes.
pub(crate) struct TimedBody<B, E> {
    inner: Pin<Box<B>>,
    timer: Pin<Box<Sleep>>,
    pause: Duration,
    late: fn() -> E,
}

impl<B, E> TimedBody<B, E> {
    pub fn new(inner: B, pause: Duration, late: fn() -> E) -> Self {
        Self { inner: Box::pin(inner), timer: Box::pin(tokio::time::sleep(pause)), pause, late }
    }
}

impl<B: Body<Error = E>, E> Body for TimedBody<B, E> {
    type Data = B::Data;
    type Error = E;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, E>>> {
        let this = &mut *self;
        match this.inner.as_mut().poll_frame(cx) {
            Poll::Ready(frame) => {
                this.timer.as_mut().reset(Instant::now() + this.pause);
                Poll::Ready(frame)
            }
            Poll::Pending => this.timer.as_mut().poll(cx).map(|()| Some(Err((this.late)()))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
