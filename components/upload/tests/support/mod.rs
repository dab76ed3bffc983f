//! An intake with the real inspector and a store in memory.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use bytes::Bytes;
use futures::{Stream, StreamExt, executor::block_on, stream};
use image2model_domain::{FileId, JobId};
use image2model_media_inspector::{Format, Inspection, Limits as ImageLimits, Refusal};
use image2model_upload::intake::{
    Abandoned, BadImage, ImageFacts, Inspect, Intake, IntakeError, Kind, Limits, MAX_PIXELS, MAX_SIDE, MIN_SIDE, Paced,
    Received, Services, StoreError, StreamFault,
};

pub const BOUNDARY: &str = "----edge7MA4YWxkTrZu0gW";
pub const JPEG: &[u8] = include_bytes!("../../../media-inspector/tests/samples/baseline.jpg");
pub const PNG: &[u8] = include_bytes!("../../../media-inspector/tests/samples/colour.png");

/// Keeps what is stored, and counts what it had to forget.
#[derive(Debug, Default)]
pub struct Memory {
    pub stored: RefCell<BTreeMap<String, Vec<u8>>>,
    pub abandoned: Cell<usize>,
    pub away: bool,
    /// The store has no room.
    pub full: bool,
    /// How many chunks of the body were read, when a test counts them.
    pub read: Arc<AtomicUsize>,
    /// The most of them that were read before the store had as many.
    pub furthest_ahead: Cell<usize>,
    ids: Cell<u8>,
}

pub struct Inspecting(RefCell<Inspection>);

fn bad(refusal: Refusal) -> BadImage {
    BadImage { code: refusal.code().to_owned(), message: refusal.to_string() }
}

impl Inspect for Inspecting {
    fn push(&self, chunk: &[u8]) -> Result<(), BadImage> {
        self.0.borrow_mut().push(chunk).map_err(bad)
    }

    fn finish(&self) -> Result<ImageFacts, BadImage> {
        let facts = self.0.borrow().finish().map_err(bad)?;
        let kind = if facts.format == Format::Png { Kind::Png } else { Kind::Jpeg };
        Ok(ImageFacts { kind, width: facts.width, height: facts.height, bytes: facts.bytes })
    }
}

impl Services for Memory {
    type Inspection = Inspecting;

    fn inspect(&self, max_bytes: u64) -> Inspecting {
        let limits = ImageLimits { max_bytes, min_side: MIN_SIDE, max_side: MAX_SIDE, max_pixels: MAX_PIXELS };
        Inspecting(RefCell::new(Inspection::new(limits)))
    }

    async fn store(
        &self,
        key: &str,
        _: Kind,
        content: impl Stream<Item = Result<Bytes, Abandoned>> + Send + 'static,
    ) -> Result<(), StoreError> {
        if self.full {
            return Err(StoreError::Full);
        }
        if self.away {
            return Err(StoreError::Failed("connection refused".to_owned()));
        }
        let mut content = Box::pin(content);
        let (mut bytes, mut taken) = (Vec::new(), 0);
        while let Some(chunk) = content.next().await {
            // A slow store: the others get several turns before it takes the next chunk.
            for _ in 0..20 {
                rest().await;
            }
            taken += 1;
            let ahead = self.read.load(Relaxed).saturating_sub(taken);
            self.furthest_ahead.set(self.furthest_ahead.get().max(ahead));
            match chunk {
                Ok(chunk) => bytes.extend_from_slice(&chunk),
                Err(Abandoned) => {
                    self.abandoned.set(self.abandoned.get() + 1);
                    return Ok(());
                }
            }
        }
        self.stored.borrow_mut().insert(key.to_owned(), bytes);
        Ok(())
    }

    fn new_file_id(&self) -> FileId {
        self.ids.set(self.ids.get() + 1);
        FileId::from_random([self.ids.get(); 16])
    }
}

/// Lets everything else have a turn.
pub async fn rest() {
    let mut rested = false;
    futures::future::poll_fn(|cx| {
        if std::mem::replace(&mut rested, true) {
            return std::task::Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

/// A form of parts: name, file name and type when it is a file, content.
#[derive(Default)]
pub struct Form(Vec<u8>);

impl Form {
    pub fn file(self, field: &str, filename: &str, content_type: &str, content: &[u8]) -> Self {
        let head = format!("; filename=\"{filename}\"\r\nContent-Type: {content_type}");
        self.part(field, &head, content)
    }

    pub fn text(self, field: &str, value: &str) -> Self {
        self.part(field, "", value.as_bytes())
    }

    pub fn part(mut self, field: &str, head: &str, content: &[u8]) -> Self {
        let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{field}\"{head}\r\n\r\n");
        self.0.extend_from_slice(head.as_bytes());
        self.0.extend_from_slice(content);
        self.0.extend_from_slice(b"\r\n");
        self
    }

    pub fn end(mut self) -> Vec<u8> {
        self.0.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        self.0
    }
}

pub const LIMITS: Limits = Limits { max_file_bytes: 100_000, max_files: 3 };

/// Sends the body in chunks of this size.
pub fn receive_by(memory: &Memory, body: &[u8], size: usize) -> Result<Received, IntakeError> {
    let chunks: Vec<_> = body.chunks(size).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
    receive_stream(memory, stream::iter(chunks))
}

pub fn receive(memory: &Memory, body: &[u8]) -> Result<Received, IntakeError> {
    receive_by(memory, body, 1000)
}

pub fn receive_stream(
    memory: &Memory,
    body: impl Stream<Item = Result<Bytes, StreamFault>> + Send + Unpin,
) -> Result<Received, IntakeError> {
    let intake =
        Intake { services: memory, limits: LIMITS, job: JobId::from_random([0xaa; 16]), digests: true, stores: true };
    let mut body = Paced::new(body, LIMITS.max_total_bytes());
    block_on(intake.receive(&format!("multipart/form-data; boundary={BOUNDARY}"), &mut body))
}
