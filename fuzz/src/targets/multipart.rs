//! The form of an upload, read by the real intake with the real inspector and a store in memory. The outcome does not
//! depend on how the bytes were cut; what is stored was sent, stays within the limits, and is nothing after a refusal that
//! the store was told of.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use bytes::Bytes;
use futures::{Stream, StreamExt, executor::block_on, stream};
use image2model_domain::{FileId, JobId, file_name};
use image2model_media_inspector::{Format, Inspection, Limits as ImageLimits, Refusal};
use image2model_upload::intake::{
    Abandoned, BadImage, ImageFacts, Inspect, Intake, IntakeError, Kind, Limits, MAX_PIXELS, Paced, Received, Services,
    StoreError, StreamFault,
};

use crate::{Complaint, Outcome, Target};

pub(super) const TARGET: Target = Target {
    name: "multipart",
    run,
    dictionary: &[
        b"\r\n",
        b"\r\n\r\n",
        b"\n",
        b"--X\r\n",
        b"\r\n--X\r\n",
        b"\r\n--X--\r\n",
        b"--X",
        b"--",
        b"X-X: x\r\n",
        b"; ",
        b"=",
        b"\"",
        b"Content-Disposition: form-data; name=\"",
        b"; filename=\"",
        b"; filename*=UTF-8''",
        b"Content-Type: image/jpeg\r\n",
        b"Content-Type: image/png\r\n",
        b"Content-Transfer-Encoding: base64\r\n",
        b"files",
        b"file",
        b"face_limit",
        b"process",
        b"model",
        b"webhook_url",
        b"a.jpg",
        b"a.png",
        b"20000",
        b"\\\"",
        b"%2F..%00",
        b"\xff\xd8\xff",
        b"\xff\xd9",
        b"\x89PNG\r\n\x1a\n",
    ],
    mend: None,
    longest: 32 * 1024,
};

const LIMITS: Limits = Limits { max_file_bytes: 16 * 1024, max_files: 3 };

/// What was stored, and how much had to be forgotten.
#[derive(Default)]
struct Memory {
    stored: RefCell<BTreeMap<String, Vec<u8>>>,
    ids: Cell<u8>,
}

struct Inspecting(RefCell<Inspection>);

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
        let limits = ImageLimits { max_bytes, min_side: 1, max_side: 8192, max_pixels: MAX_PIXELS };
        Inspecting(RefCell::new(Inspection::new(limits)))
    }

    async fn store(
        &self,
        key: &str,
        _: Kind,
        content: impl Stream<Item = Result<Bytes, Abandoned>> + Send + 'static,
    ) -> Result<(), StoreError> {
        let mut content = Box::pin(content);
        let mut bytes = Vec::new();
        while let Some(chunk) = content.next().await {
            let Ok(chunk) = chunk else { return Ok(()) };
            bytes.extend_from_slice(&chunk);
        }
        self.stored.borrow_mut().insert(key.to_owned(), bytes);
        Ok(())
    }

    fn new_file_id(&self) -> FileId {
        self.ids.set(self.ids.get().wrapping_add(1));
        FileId::from_random([self.ids.get(); 16])
    }
}

type Stored = BTreeMap<String, Vec<u8>>;

fn receive(content_type: &str, body: &[u8], piece: usize) -> (Result<Received, IntakeError>, Stored) {
    let memory = Memory::default();
    let chunks: Vec<Result<Bytes, StreamFault>> =
        body.chunks(piece).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
    let mut body = Paced::new(stream::iter(chunks), LIMITS.max_total_bytes());
    let intake =
        Intake { services: &memory, limits: LIMITS, job: JobId::from_random([1; 16]), digests: true, stores: true };
    let received = block_on(intake.receive(content_type, &mut body));
    (received, memory.stored.into_inner())
}

/// An input is a line with the request's `Content-Type`, and the body.
fn run(input: &[u8]) -> Result<Outcome, Complaint> {
    let split = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (content_type, body) = (input.get(..split).unwrap_or_default(), input.get(split + 1..).unwrap_or_default());
    let content_type = String::from_utf8_lossy(content_type);
    let (whole, stored) = receive(&content_type, body, usize::MAX);
    let piece = 1 + input.iter().fold(0_usize, |sum, byte| sum + usize::from(*byte)) % 61;
    let (pieces, stored_in_pieces) = receive(&content_type, body, piece);
    let (said, said_in_pieces) = (describe(&whole), describe(&pieces));
    if said != said_in_pieces {
        return Err(format!("{said} as a whole, {said_in_pieces} in pieces of {piece}"));
    }
    if stored != stored_in_pieces {
        return Err(format!("other bytes are stored in pieces of {piece}"));
    }
    if let Ok(received) = &whole {
        check(received, &stored, body)?;
    }
    Ok(Outcome::of(outcome(&whole)))
}

/// What a client would see of it.
fn describe(received: &Result<Received, IntakeError>) -> String {
    match received {
        Ok(Received { fields, images }) => format!("{fields:?} {images:?}"),
        Err(error) => error.problem().body("/", "r").to_string(),
    }
}

/// What tells it from others, without names and numbers that change with every input.
fn outcome(received: &Result<Received, IntakeError>) -> String {
    match received {
        Ok(Received { fields, images }) => format!("{} {}", images.len(), fields.options.to_json().len()),
        Err(IntakeError::BadFiles(bad)) => bad.iter().map(|file| file.code.as_str()).collect::<Vec<_>>().join(" "),
        Err(IntakeError::Malformed(error)) => {
            format!("{error:?}").chars().take_while(|c| c.is_alphanumeric()).collect()
        }
        Err(error) => error.to_string(),
    }
}

fn check(received: &Received, stored: &Stored, body: &[u8]) -> Result<(), Complaint> {
    if received.images.is_empty() || received.images.len() > LIMITS.max_files || stored.len() != received.images.len() {
        return Err(format!("{} images are listed and {} stored", received.images.len(), stored.len()));
    }
    for image in &received.images {
        let bytes = stored.get(&image.key).ok_or_else(|| format!("{} is not stored", image.key))?;
        let sent = body.windows(bytes.len().max(1)).any(|window| window == bytes.as_slice());
        if !sent || bytes.len() as u64 != image.facts.bytes || image.facts.bytes > LIMITS.max_file_bytes {
            return Err(format!("{} is not what was sent", image.filename));
        }
        if file_name::sanitize(&image.filename) != image.filename {
            return Err(format!("{:?} is not clean", image.filename));
        }
    }
    Ok(())
}
