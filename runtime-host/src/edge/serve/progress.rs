//! When a request last got anywhere. A timeout counts from there, so that a long upload over a slow line is not cut off
//! while bytes still come, and a guest that only computes is.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use wasmtime_wasi_http::{Error, WasiBody};

use super::transfers::Transfer;

/// One request's progress.
pub(super) struct Progress {
    started: Instant,
    /// Milliseconds after `started`.
    last: AtomicU64,
    /// Its body is larger than it may be.
    too_large: AtomicBool,
    /// Its client was too slow for others to wait.
    made_room: AtomicBool,
    /// Its instance came to grief.
    broken: AtomicBool,
}

impl Progress {
    pub fn start() -> Arc<Self> {
        Self::since(Instant::now(), 0)
    }

    /// The same request, asked of another instance.
    pub fn again(&self) -> Arc<Self> {
        Self::since(self.started, self.last.load(Ordering::Relaxed))
    }

    fn since(started: Instant, last: u64) -> Arc<Self> {
        Arc::new(Self {
            started,
            last: AtomicU64::new(last),
            too_large: AtomicBool::new(false),
            made_room: AtomicBool::new(false),
            broken: AtomicBool::new(false),
        })
    }

    /// Whether its instance came to grief. Of an answer that was being made then, the body just ends.
    pub fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }

    fn touch(&self) {
        self.last.store(self.started.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    /// Whether the body turned out larger than it may be.
    pub fn is_too_large(&self) -> bool {
        self.too_large.load(Ordering::Relaxed)
    }

    /// It had to make room for others.
    pub fn make_room(&self) {
        self.made_room.store(true, Ordering::Relaxed);
    }

    /// Whether it had to make room for others.
    pub fn made_room(&self) -> bool {
        self.made_room.load(Ordering::Relaxed)
    }

    /// When the request is to be given up: `pause` after its last progress, `whole` after its start at the latest.
    pub fn expires(&self, pause: Duration, whole: Duration) -> Instant {
        let last = Duration::from_millis(self.last.load(Ordering::Relaxed));
        self.started + (last + pause).min(whole)
    }
}

/// The requests of one instance, as seen from outside of it.
#[derive(Default)]
pub(super) struct Activity(Mutex<Vec<Weak<Progress>>>);

impl Activity {
    /// One more.
    pub fn add(&self, progress: &Arc<Progress>) {
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        list.retain(|other| other.strong_count() > 0);
        list.push(Arc::downgrade(progress));
    }

    /// All that were there before are done with the instance.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The instance came to grief.
    pub fn break_off(&self) {
        let list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        list.iter().filter_map(Weak::upgrade).for_each(|progress| progress.broken.store(true, Ordering::Release));
    }

    /// When the last of them is to be given up.
    pub fn expires(&self, pause: Duration, whole: Duration) -> Option<Instant> {
        let list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        list.iter().filter_map(Weak::upgrade).map(|progress| progress.expires(pause, whole)).max()
    }
}

/// A request's body as it comes.
pub(super) enum InBody {
    /// From a client.
    Client(Incoming),
    /// From another component.
    Component(WasiBody),
}

impl Body for InBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match &mut *self {
            Self::Client(body) => Pin::new(body).poll_frame(cx).map_err(Error::Hyper),
            Self::Component(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Client(body) => body.is_end_stream(),
            Self::Component(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Client(body) => body.size_hint(),
            Self::Component(body) => body.size_hint(),
        }
    }
}

/// A request's body that tells of its progress. When the client goes away, or sends more than `room` bytes, it ends with
/// an error.
pub(super) struct RequestBody {
    pub inner: InBody,
    pub progress: Arc<Progress>,
    pub transfer: Arc<Transfer>,
    pub room: u64,
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if self.transfer.is_cut(cx) {
            return Poll::Ready(Some(Err(Error::ConnectionReadTimeout)));
        }
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        self.transfer.waits_for_client(polled.is_pending());
        let frame = std::task::ready!(polled);
        self.progress.touch();
        if let Some(bytes) = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()) {
            self.transfer.moved(bytes.len());
            match self.room.checked_sub(bytes.len() as u64) {
                Some(room) => self.room = room,
                None => {
                    self.progress.too_large.store(true, Ordering::Relaxed);
                    return Poll::Ready(Some(Err(Error::HttpRequestBodySize(None))));
                }
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
