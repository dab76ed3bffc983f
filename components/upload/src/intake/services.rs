//! What the intake needs of the world: somebody who inspects, somewhere to store. The component gives it the media
//! inspector and the blob gateway; tests give it their own.

use std::future::Future;

use bytes::Bytes;
use futures::Stream;
use image2model_domain::FileId;

use super::Kind;

/// What an image is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageFacts {
    /// By its content.
    pub kind: Kind,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Of the whole file.
    pub bytes: u64,
}

/// Why an image is not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadImage {
    /// Stable code.
    pub code: String,
    /// A sentence for whoever chose the file.
    pub message: String,
}

/// One file's inspection.
pub trait Inspect {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// As soon as it is certain that the image is not accepted.
    fn push(&self, chunk: &[u8]) -> Result<(), BadImage>;

    /// Says what it was.
    ///
    /// # Errors
    /// When it is not accepted, also because it has not ended.
    fn finish(&self) -> Result<ImageFacts, BadImage>;
}

/// Said to the store in the middle of a file: what came so far is to be forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the upload was abandoned")]
pub struct Abandoned;

/// The store did not take a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It has no room for uploads.
    #[error("the blob store has no room")]
    Full,
    /// It is away, or refuses for another reason.
    #[error("the blob store did not take the file: {0}")]
    Failed(String),
}

/// Inspector, store and ids.
pub trait Services {
    /// One file's inspection.
    type Inspection: Inspect;

    /// Begins an inspection that accepts at most this many bytes.
    fn inspect(&self, max_bytes: u64) -> Self::Inspection;

    /// Stores what the stream yields under the key, all of it or nothing.
    fn store(
        &self,
        key: &str,
        kind: Kind,
        content: impl Stream<Item = Result<Bytes, Abandoned>> + Send + 'static,
    ) -> impl Future<Output = Result<(), StoreError>>;

    /// A fresh id.
    fn new_file_id(&self) -> FileId;
}
