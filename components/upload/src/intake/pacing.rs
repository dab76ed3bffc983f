//! The body's stream, bounded and paced.
//!
//! `multer` reads on as long as a stream is ready and keeps all of it, so a fast client would fill the memory; this
//! stream has one chunk ready at a time. It also bounds the whole body and what lies between two parts.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::Stream;

use super::limits::MAX_HEAD;

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

/// A body with bounds.
#[derive(Debug)]
pub struct Paced<B> {
    body: B,
    max: u64,
    left: u64,
    head_left: Pace,
    rested: bool,
}

impl<B> Paced<B> {
    /// Bounds the body to `max` bytes.
    pub fn new(body: B, max: u64) -> Self {
        Self { body, max, left: max, head_left: Pace(Arc::new(AtomicU64::new(u64::MAX))), rested: true }
    }

    pub(super) fn pace(&self) -> Pace {
        self.head_left.clone()
    }

    fn count(&mut self, bytes: u64) -> Result<(), StreamFault> {
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
    /// Reads what is left, within the bound, so that a client that is still sending gets to hear the answer.
    pub async fn read_on(&mut self) {
        use futures::StreamExt;
        self.head_left.within_part();
        while let Some(Ok(_)) = self.next().await {}
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
        let next = std::task::ready!(Pin::new(&mut self.body).poll_next(cx));
        self.rested = false;
        Poll::Ready(next.map(|chunk| {
            let chunk = chunk?;
            self.count(u64::try_from(chunk.len()).unwrap_or(u64::MAX))?;
            Ok(chunk)
        }))
    }
}
