//! The last check before a submit leaves: a process that was stopped between announcing it and sending it must not send
//! it any more, for another worker has long taken the file up. So the body is handed out only while there is time; the
//! server has seen a head without a body then, which is no request.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures::stream;
use tokio::time::Instant;

/// Lets a body pass until an instant.
pub(super) struct Gate {
    not_after: Instant,
    /// Set once a body was asked for too late.
    pub shut: Arc<AtomicBool>,
}

impl Gate {
    pub fn new(not_after: Instant) -> Self {
        Self { not_after, shut: Arc::default() }
    }

    /// A body of this text. It is judged when the connection asks for it, not when it is made.
    pub fn body(&self, text: &str) -> reqwest::Body {
        let (text, not_after, shut) = (Bytes::copy_from_slice(text.as_bytes()), self.not_after, self.shut.clone());
        reqwest::Body::wrap_stream(stream::once(async move {
            if Instant::now() < not_after {
                return Ok(text);
            }
            shut.store(true, Ordering::Relaxed);
            Err(io::Error::other("held up for too long"))
        }))
    }
}
