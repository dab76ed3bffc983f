//! When a request last got anywhere. A timeout counts from there, so that a long upload over a slow line is not cut off
//! while bytes still come, and a guest that only computes is.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::sync::Notify;
use wasmtime_wasi_http::{Error, WasiBody};

use super::transfers::{Cut, Transfer};

/// Stands for a time that has not come.
const NOT_YET: u64 = u64::MAX;

/// One request's progress.
pub(super) struct Progress {
    started: Instant,
    /// Milliseconds after `started`.
    last: AtomicU64,
    /// The same of the head of its answer; `NOT_YET` until then.
    answered: AtomicU64,
    /// The same of when nobody wanted the rest of its answer any more; `NOT_YET` until then.
    left: AtomicU64,
    leaves: Notify,
    /// The body of its answer, while that is under way.
    sends: OnceLock<Weak<Transfer>>,
    /// Whoever asks has yet to send what is being read.
    awaits: AtomicBool,
    /// Its body is larger than it may be.
    too_large: AtomicBool,
    /// Its client was too slow for others to wait.
    made_room: AtomicBool,
    /// Its instance came to grief.
    broken: AtomicBool,
}

impl Progress {
    pub fn start() -> Arc<Self> {
        Arc::new(Self {
            started: Instant::now(),
            last: AtomicU64::new(0),
            answered: AtomicU64::new(NOT_YET),
            left: AtomicU64::new(NOT_YET),
            leaves: Notify::new(),
            sends: OnceLock::new(),
            awaits: AtomicBool::new(false),
            too_large: AtomicBool::new(false),
            made_room: AtomicBool::new(false),
            broken: AtomicBool::new(false),
        })
    }

    /// The head of its answer is there.
    pub fn answer(&self) {
        self.answered.store(self.elapsed_ms(), Ordering::Relaxed);
    }

    /// When the head of its answer was there.
    pub fn answered(&self) -> Option<Instant> {
        self.at(&self.answered)
    }

    /// Nobody wants its answer, or the rest of it, any more.
    pub fn leave(&self) {
        self.left.store(self.elapsed_ms(), Ordering::Relaxed);
        self.leaves.notify_one();
    }

    /// When whoever asked has left.
    pub fn left(&self) -> Option<Instant> {
        self.at(&self.left)
    }

    /// Returns when whoever asks leaves. For one who waits for that.
    pub async fn leaves(&self) {
        self.leaves.notified().await;
    }

    fn at(&self, ms: &AtomicU64) -> Option<Instant> {
        let at = ms.load(Ordering::Relaxed);
        (at != NOT_YET).then(|| self.started + Duration::from_millis(at))
    }

    /// The body of its answer is under way.
    pub fn sends(&self, body: &Arc<Transfer>) {
        let _first = self.sends.set(Arc::downgrade(body));
    }

    /// Ends its answer, if that is still under way.
    pub fn end_answer(&self) {
        if let Some(body) = self.sends.get().and_then(Weak::upgrade) {
            body.cut(Cut::Overdue);
        }
    }

    /// Whether the rest of its body was waited for when it was last read.
    pub fn awaits_client(&self) -> bool {
        self.awaits.load(Ordering::Relaxed)
    }

    /// Its instance comes to grief.
    pub fn break_off(&self) {
        self.broken.store(true, Ordering::Release);
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(NOT_YET)
    }

    /// Whether its instance came to grief. Of an answer that was being made then, the body just ends.
    pub fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }

    fn touch(&self) {
        self.last.store(self.elapsed_ms(), Ordering::Relaxed);
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
        self.progress.awaits.store(polled.is_pending(), Ordering::Relaxed);
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
