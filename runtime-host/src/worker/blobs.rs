//! The bytes on disk, as far as the worker needs them.

use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use crate::fal::Source;

/// Bytes on their way; an error ends them.
pub type ByteStream = BoxStream<'static, io::Result<Bytes>>;

/// Where images are read from and models are put.
#[async_trait]
pub trait Blobs: Send + Sync {
    /// The size of a blob, and its bytes.
    async fn read(&self, key: &str) -> io::Result<(u64, ByteStream)>;

    /// Stores a blob, replacing a former one, and answers its size. All or nothing: when `bytes` ends in an error,
    /// nothing is to be seen under the key.
    async fn write(&self, key: &str, content_type: &str, bytes: ByteStream) -> io::Result<u64>;
}

/// One stored image as FAL's upload reads it.
pub(super) struct StoredImage {
    pub blobs: Arc<dyn Blobs>,
    pub key: String,
}

#[async_trait]
impl Source for StoredImage {
    async fn open(&self) -> io::Result<(u64, ByteStream)> {
        self.blobs.read(&self.key).await
    }
}
