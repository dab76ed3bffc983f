//! The blob store as the worker sees it.

use std::io;

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt};
use image2model_host::blobs::{BlobError, BlobKey, Blobs};
use image2model_host::worker::{Blobs as WorkerBlobs, ByteStream};

/// The largest result that is kept, bytes.
const LARGEST: u64 = 512 << 20;

pub struct StoredBlobs(pub Blobs);

#[async_trait]
impl WorkerBlobs for StoredBlobs {
    async fn read(&self, key: &str) -> io::Result<(u64, ByteStream)> {
        let key = BlobKey::parse(key).map_err(as_io)?;
        let blob = self.0.get(&key, None).await.map_err(as_io)?;
        Ok((blob.meta.size, blob.chunks.map_err(as_io).boxed()))
    }

    async fn write(&self, key: &str, _content_type: &str, bytes: ByteStream) -> io::Result<u64> {
        // The media type follows from the key's extension.
        let key = BlobKey::parse(key).map_err(as_io)?;
        self.0.put(&key, LARGEST, bytes).await.map_err(as_io)
    }
}

fn as_io(error: BlobError) -> io::Error {
    let kind = match &error {
        BlobError::NotFound => io::ErrorKind::NotFound,
        BlobError::Key => io::ErrorKind::InvalidInput,
        BlobError::TooLarge { .. } => io::ErrorKind::FileTooLarge,
        BlobError::Full => io::ErrorKind::StorageFull,
        BlobError::Broken(_) => io::ErrorKind::UnexpectedEof,
        BlobError::Stalled => io::ErrorKind::TimedOut,
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, error)
}
