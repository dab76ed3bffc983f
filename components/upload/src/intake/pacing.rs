//! The body's stream, bounded and paced.
//!
//! `multer` reads on as long as a stream is ready and keeps all of it, so a fast client would fill the memory; this
//! stream has one chunk ready at a time. It also bounds the whole body and what lies between two parts, and lets somebody
//! with a clock watch over it and cut it off.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::{Stream, StreamExt};

use super::limits::{MAX_HEAD, READ_ON};

/// Why no more bytes come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StreamFault {
    /// The client went away, or broke HTTP.
    #[error("the client stopped sending")]
    Gone,
    /// More bytes than a form may have.
    #[error("the form is larger than {max} bytes")]
    TooLarge {
        /// The bound.
        max: u64,
    },
    /// The client kept its upload waiting for too long.
    #[error("the client was too slow")]
    TooSlow,
    /// The head of a part does not end.
    #[error("the headers of a part are too long")]
    HeadTooLong,
}

/// Tells the stream where in the form its reader is.
#[derive(Debug, Clone)]
pub struct Pace(Arc<AtomicU64>);

impl Pace {
    pub(super) fn between_parts(&self) {
        self.0.store(MAX_HEAD, Relaxed);
    }

    pub(super) fn within_part(&self) {
        self.0.store(u64::MAX, Relaxed);
    }
}

/// What somebody with a clock sees of a body, in the same task.
#[derive(Debug, Clone, Default)]
pub struct Watch(Arc<Watched>);

#[derive(Debug, Default)]
struct Watched {
    received: AtomicU64,
    waiting: AtomicBool,
    cut: AtomicBool,
}

impl Watch {
    /// Bytes so far.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.0.received.load(Relaxed)
    }

    /// Whether the client is being waited for.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.0.waiting.load(Relaxed)
    }

    /// Ends the body with [`StreamFault::TooSlow`] when it is next polled; the caller sees to that.
    pub fn cut(&self) {
        self.0.cut.store(true, Relaxed);
    }
}

/// A body with bounds.
#[derive(Debug)]
pub struct Paced<B> {
    body: B,
    max: u64,
    left: u64,
    head_left: Pace,
    rested: bool,
    watch: Watch,
}

impl<B> Paced<B> {
    /// Bounds the body to `max` bytes.
    pub fn new(body: B, max: u64) -> Self {
        let head_left = Pace(Arc::new(AtomicU64::new(u64::MAX)));
        Self { body, max, left: max, head_left, rested: true, watch: Watch::default() }
    }

    /// Lets the body be watched.
    #[must_use]
    pub fn watch(&self) -> Watch {
        self.watch.clone()
    }

    /// Whether nothing was read so far.
    #[must_use]
    pub fn is_untouched(&self) -> bool {
        self.watch.received() == 0
    }

    pub(super) fn pace(&self) -> Pace {
        self.head_left.clone()
    }

    fn account(&mut self, bytes: u64) -> Result<(), StreamFault> {
        self.watch.0.received.fetch_add(bytes, Relaxed);
        self.left = self.left.checked_sub(bytes).ok_or(StreamFault::TooLarge { max: self.max })?;
        let head_left = &self.head_left.0;
        match head_left.load(Relaxed) {
            u64::MAX => Ok(()),
            left => left.checked_sub(bytes).map(|left| head_left.store(left, Relaxed)).ok_or(StreamFault::HeadTooLong),
        }
    }
}

impl<B> Paced<B>
where
    B: Stream<Item = Result<Bytes, StreamFault>> + Unpin,
{
    /// Reads what follows the form and means nothing.
    ///
    /// # Errors
    /// [`StreamFault`]: a body that breaks off after its form is not whole either.
    pub(super) async fn drain(&mut self) -> Result<(), StreamFault> {
        self.head_left.within_part();
        while self.next().await.transpose()?.is_some() {}
        Ok(())
    }

    /// Reads what is left, within a bound, so that a client that is still sending gets to hear the answer.
    pub async fn read_on(&mut self) {
        self.left = self.left.max(READ_ON);
        // Whatever is wrong with it now, the answer is another one.
        let _ = self.drain().await;
    }
}

impl<B> Stream for Paced<B>
where
    B: Stream<Item = Result<Bytes, StreamFault>> + Unpin,
{
    type Item = Result<Bytes, StreamFault>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if !self.rested {
            self.rested = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.watch.0.cut.load(Relaxed) {
            return Poll::Ready(Some(Err(StreamFault::TooSlow)));
        }
        let polled = Pin::new(&mut self.body).poll_next(cx);
        self.watch.0.waiting.store(polled.is_pending(), Relaxed);
        let next = std::task::ready!(polled);
        self.rested = false;
        Poll::Ready(next.map(|chunk| {
            let chunk = chunk?;
            self.account(u64::try_from(chunk.len()).unwrap_or(u64::MAX))?;
            Ok(chunk)
        }))
    }
}
