//! Reads the form: text fields are options, file parts go through the inspector to the store, one after the other.
//!
//! Every bad file is named in the refusal. Once one was found, what follows is still inspected but no longer stored.

mod error;
mod fields;
mod head;
mod image;
mod limits;
mod metadata;
mod naming;
mod pacing;
mod parameters;
mod patience;
mod services;

pub use error::{BadFile, IntakeError};
pub use fields::Fields;
pub use image::StoredImage;
pub use limits::{Limits, MAX_PIXELS, MAX_SIDE, MIN_SIDE};
pub use metadata::metadata;
pub use naming::Kind;
pub use pacing::{Paced, StreamFault, Watch};
pub use patience::{LONGEST, Patience, SLOWEST};
pub use services::{Abandoned, BadImage, ImageFacts, Inspect, Services, StoreError};

use bytes::Bytes;
use futures::{Stream, TryStreamExt};
use image2model_domain::JobId;
use multer::Multipart;

use head::Head;
use pacing::Pace;

/// A whole form, its images stored.
#[derive(Debug)]
pub struct Received {
    /// What the client chose.
    pub fields: Fields,
    /// In the order they were sent.
    pub images: Vec<StoredImage>,
}

/// Where a form goes.
#[derive(Debug)]
pub struct Intake<'a, S> {
    /// Inspector and store.
    pub services: &'a S,
    /// What is accepted.
    pub limits: Limits,
    /// The job that the images will belong to; part of their keys.
    pub job: JobId,
    /// Take a digest of every image, for an idempotency key.
    pub digests: bool,
    /// Store the images. They are looked at in any case.
    pub stores: bool,
}

impl<S: Services> Intake<'_, S> {
    /// Reads the form with this `Content-Type`; one without a body is a form with nothing in it, unless it
    /// declares to be something else. Whatever the outcome, bytes of the body that are left belong to the
    /// caller, who may read on so that the client hears the answer.
    ///
    /// # Errors
    /// [`IntakeError`]; images that were stored by then are the caller's to remove.
    pub async fn receive<B>(&self, content_type: &str, body: &mut Paced<B>) -> Result<Received, IntakeError>
    where
        B: Stream<Item = Result<Bytes, StreamFault>> + Send + Unpin,
    {
        if content_type.is_empty() && is_empty(body).await? {
            return Err(IntakeError::NoFiles);
        }
        let boundary = head::boundary(content_type)?;
        let pace = body.pace();
        let mut reading = Reading::default();
        match self.parts(Multipart::new(&mut *body, boundary), &pace, &mut reading).await {
            // What there is nothing of is not written badly.
            Err(IntakeError::Malformed(_)) if body.is_untouched() => return Err(IntakeError::NoFiles),
            read => read?,
        }
        body.drain().await?;
        reading.finish()
    }

    async fn parts(&self, mut form: Multipart<'_>, pace: &Pace, reading: &mut Reading) -> Result<(), IntakeError> {
        loop {
            pace.between_parts();
            let field = form.next_field().await?;
            pace.within_part();
            match field {
                Some(field) => self.part(field, reading).await?,
                None => return Ok(()),
            }
        }
    }

    async fn part(&self, mut field: multer::Field<'_>, reading: &mut Reading) -> Result<(), IntakeError> {
        reading.parts += 1;
        if reading.parts > self.limits.max_files.saturating_add(limits::MAX_OTHER_PARTS) {
            // Where it is files that are too many, the client hears that.
            let bad = std::mem::take(&mut reading.bad);
            let too_many_files = bad.iter().any(|file| file.code == error::TOO_MANY_FILES);
            return Err(if too_many_files { IntakeError::BadFiles(bad) } else { IntakeError::TooManyParts });
        }
        let head = Head::read(field.headers())?;
        if matches!(head.name.as_str(), "files" | "files[]" | "file") {
            return self.file(field, &head, reading).await;
        }
        if Fields::knows(&head.name) {
            let text = fields::read_text(&head, &mut field).await?;
            return reading.fields.set(&head.name, &text);
        }
        while field.chunk().await?.is_some() {}
        Ok(())
    }

    async fn file(&self, field: multer::Field<'_>, head: &Head, reading: &mut Reading) -> Result<(), IntakeError> {
        match self.image(field, head, reading.files(), self.stores && reading.bad.is_empty()).await? {
            image::Taken::Stored(image) => reading.images.push(image),
            image::Taken::Refused(bad) => reading.bad.push(bad),
            image::Taken::Nothing => {}
        }
        Ok(())
    }
}

/// Whether a body has no bytes. Reads the first of them.
async fn is_empty<B>(body: &mut Paced<B>) -> Result<bool, StreamFault>
where
    B: Stream<Item = Result<Bytes, StreamFault>> + Send + Unpin,
{
    while let Some(chunk) = body.try_next().await? {
        if !chunk.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What a form has brought so far.
#[derive(Default)]
struct Reading {
    fields: Fields,
    images: Vec<StoredImage>,
    bad: Vec<BadFile>,
    parts: usize,
}

impl Reading {
    fn files(&self) -> usize {
        self.images.len() + self.bad.len()
    }

    fn finish(self) -> Result<Received, IntakeError> {
        if !self.bad.is_empty() {
            return Err(IntakeError::BadFiles(self.bad));
        }
        if self.images.is_empty() {
            return Err(IntakeError::NoFiles);
        }
        Ok(Received { fields: self.fields, images: self.images })
    }
}
