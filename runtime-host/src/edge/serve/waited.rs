//! A request's body that tells how long whoever sends it was waited for. That is no fault of the component which reads it,
//! and counts for neither side while two of its releases are compared.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use parking_lot::Mutex;
use wasmtime_wasi_http::Error;

use super::answer::Failure;
use super::progress::InBody;

/// What is known of the sender.
#[derive(Clone, Default)]
pub(super) struct Sender(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    waited: Duration,
    /// It is waited for since then.
    since: Option<Instant>,
    broke_off: bool,
}

impl Sender {
    /// `body`, watched.
    pub fn watch(&self, body: InBody) -> InBody {
        // A body that is complete is read without asking anybody.
        if body.is_end_stream() {
            body
        } else {
            InBody::Component(Waited { body, sender: self.clone() }.boxed_unsync())
        }
    }

    /// How long it was waited for; nothing where that its request ended so, by `failure` or not, says nothing of the component.
    pub fn waited(&self, failure: Option<Failure>) -> Option<Duration> {
        let known = self.0.lock();
        let waits = known.since.map(|since| since.elapsed());
        match failure {
            Some(Failure::Busy(_)) => None,
            Some(Failure::TimedOut) if waits.is_some() => None,
            _ => (!known.broke_off).then(|| known.waited + waits.unwrap_or_default()),
        }
    }
}

struct Waited {
    body: InBody,
    sender: Sender,
}

impl Body for Waited {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        let mut known = self.sender.0.lock();
        match &polled {
            Poll::Pending => drop(known.since.get_or_insert_with(Instant::now)),
            Poll::Ready(frame) => {
                let waited = known.since.take().map(|since| since.elapsed());
                known.waited += waited.unwrap_or_default();
                known.broke_off |= matches!(frame, Some(Err(_)));
            }
        }
        drop(known);
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use futures::channel::mpsc;
    use http_body_util::StreamBody;

    use super::*;

    #[test]
    fn whom_a_sender_keeps_waiting_is_not_blamed() {
        let (send, parts) = mpsc::unbounded::<Result<Frame<Bytes>, Error>>();
        let sender = Sender::default();
        let mut body = sender.watch(InBody::Component(StreamBody::new(parts).boxed_unsync()));
        let part = || Frame::data(Bytes::from_static(b"a"));
        send.unbounded_send(Ok(part())).unwrap();
        assert!(body.frame().now_or_never().is_some());
        assert_eq!(sender.waited(None), Some(Duration::ZERO), "it was there already");
        assert!(body.frame().now_or_never().is_none());
        std::thread::sleep(Duration::from_millis(2));
        assert!(sender.waited(None) >= Some(Duration::from_millis(2)), "it is waited for");
        assert_eq!((sender.waited(Some(Failure::TimedOut)), sender.waited(Some(Failure::Busy(1)))), (None, None));
        assert!(sender.waited(Some(Failure::Trapped)).is_some());
        send.unbounded_send(Ok(part())).unwrap();
        assert!(body.frame().now_or_never().is_some());
        let waited = sender.waited(Some(Failure::TimedOut));
        assert!(waited >= Some(Duration::from_millis(2)) && waited == sender.waited(None), "{waited:?}");
        send.unbounded_send(Err(Error::ConnectionTerminated)).unwrap();
        assert!(body.frame().now_or_never().is_some());
        assert_eq!(sender.waited(Some(Failure::Trapped)), None, "it went away");
    }
}
