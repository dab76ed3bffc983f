//! A listener as the body of an answer, and the watch over clients that take nothing.
//!
//! A connection asks for the next frame only while it has room, so a client that does not read leaves its body unasked. The
//! watch sees that from outside and hangs the connection up, or, where other requests share it, lets go of everything that
//! the stream holds: it ends when its client takes something. Until then it holds what the connection buffers, no more.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use http_body::Frame;
use parking_lot::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::BoxError;
use super::listener::Listener;

/// Closes the connection that a request came in on, whatever is being written to it. A server that puts one into the
/// request's extensions lets clients that take nothing be closed; without it they are only kept from costing more.
#[derive(Debug, Clone, Default)]
pub struct Hangup(pub CancellationToken);

/// What the watch knows of one stream.
struct Pulse {
    job: String,
    hangup: Option<Hangup>,
    /// What comes next; nothing once it has been closed.
    frames: Mutex<Option<BoxStream<'static, Bytes>>>,
    /// When a frame was handed out that the connection has not come back from, ms after the watch began; 0 when it waits.
    handed_out: AtomicU64,
    closed: AtomicBool,
}

impl Pulse {
    fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        // A body that is being polled notices by itself.
        if let Some(mut frames) = self.frames.try_lock() {
            *frames = None;
        }
        if let Some(Hangup(token)) = &self.hangup {
            token.cancel();
        }
    }
}

/// The open streams, seen from outside.
pub struct Watch {
    began: Instant,
    next: AtomicU64,
    pulses: Mutex<HashMap<u64, Arc<Pulse>>>,
}

impl Watch {
    /// A watch over nothing yet.
    #[must_use]
    pub fn begin() -> Self {
        Self { began: Instant::now(), next: AtomicU64::new(0), pulses: Mutex::default() }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX).max(1)
    }

    /// Closes the streams whose client has taken nothing for `stall`; answers how many.
    pub fn close_stalled(&self, stall: Duration) -> usize {
        let (now, stall) = (self.now(), u64::try_from(stall.as_millis()).unwrap_or(u64::MAX));
        let stands_still = |pulse: &Arc<Pulse>| {
            let since = pulse.handed_out.load(Ordering::Relaxed);
            since != 0 && now.saturating_sub(since) >= stall && !pulse.closed.load(Ordering::Relaxed)
        };
        let stalled: Vec<_> = self.pulses.lock().values().filter(|pulse| stands_still(pulse)).cloned().collect();
        for pulse in &stalled {
            tracing::info!(job_id = %pulse.job, "client takes no events, closing its stream");
            pulse.close();
        }
        stalled.len()
    }

    /// Closes all that are left.
    pub fn close_all(&self) {
        self.pulses.lock().values().for_each(|pulse| pulse.close());
    }
}

/// The body of a stream's answer.
pub struct StreamBody {
    watch: Arc<Watch>,
    key: u64,
    pulse: Arc<Pulse>,
}

impl StreamBody {
    /// A watched body.
    pub fn new(listener: Listener, job: String, hangup: Option<Hangup>, watch: Arc<Watch>) -> Self {
        let next = |mut listener: Listener| async move { listener.next().await.map(|frame| (frame, listener)) };
        let frames = futures::stream::unfold(listener, next).boxed();
        let (handed_out, closed) = (AtomicU64::new(0), AtomicBool::new(false));
        let pulse = Arc::new(Pulse { job, hangup, frames: Mutex::new(Some(frames)), handed_out, closed });
        let key = watch.next.fetch_add(1, Ordering::Relaxed);
        watch.pulses.lock().insert(key, pulse.clone());
        Self { watch, key, pulse }
    }
}

impl http_body::Body for StreamBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.pulse.handed_out.store(0, Ordering::Relaxed);
        let frame = {
            let mut frames = self.pulse.frames.lock();
            let open = frames.as_mut().filter(|_| !self.pulse.closed.load(Ordering::Relaxed));
            let Some(open) = open else { return Poll::Ready(None) };
            ready!(open.poll_next_unpin(cx))
        };
        self.pulse.handed_out.store(self.watch.now(), Ordering::Relaxed);
        Poll::Ready(frame.map(|bytes| Ok(Frame::data(bytes))))
    }
}

impl Drop for StreamBody {
    fn drop(&mut self) {
        self.watch.pulses.lock().remove(&self.key);
    }
}
