//! Bytes on their way in: written to disk as they come, counted, hashed, and removed again when they break off.

use bytes::Bytes;
use futures::{Stream, StreamExt};
use sha2::{Digest, Sha256};
use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::io::AsyncWriteExt;
use tokio_util::io::ReaderStream;

/// Why a body was not received.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiveError {
    /// Longer than allowed.
    #[error("more than {0} bytes")]
    TooLarge(u64),
    /// The sender stopped.
    #[error("the body broke off")]
    Broken,
    /// The disk failed.
    #[error("the file could not be written: {0}")]
    Disk(#[from] io::Error),
}

/// A whole body on disk. Removed when dropped, unless [`Self::taken`].
#[derive(Debug)]
pub struct Received {
    /// Bytes.
    pub size: u64,
    /// SHA-256 in hex.
    pub sha256: String,
    guard: Partial,
}

#[derive(Debug)]
struct Partial(Option<PathBuf>);

impl Drop for Partial {
    fn drop(&mut self) {
        if let Some(path) = self.0.take()
            && let Err(error) = std::fs::remove_file(path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "could not remove an unfinished upload");
        }
    }
}

impl Received {
    /// Writes `body` to `location`, at most `most` bytes of it.
    pub async fn from_stream<E>(
        location: PathBuf,
        mut body: impl Stream<Item = Result<Bytes, E>> + Unpin,
        most: u64,
    ) -> Result<Self, ReceiveError> {
        let mut writer = Writer::create(location, most).await?;
        while let Some(chunk) = body.next().await {
            writer.write(&chunk.map_err(|_| ReceiveError::Broken)?).await?;
        }
        writer.finish().await
    }

    /// Writes the given parts one after the other to `location`, at most `most` bytes.
    pub async fn joined(location: PathBuf, parts: &[Arc<Received>], most: u64) -> Result<Self, ReceiveError> {
        let mut writer = Writer::create(location, most).await?;
        for part in parts {
            let mut chunks = ReaderStream::new(tokio::fs::File::open(part.location()).await?);
            while let Some(chunk) = chunks.next().await {
                writer.write(&chunk?).await?;
            }
        }
        writer.finish().await
    }

    /// Writes bytes that are already here.
    pub async fn from_bytes(location: PathBuf, bytes: Bytes) -> io::Result<Self> {
        let body = futures::stream::iter([Ok::<_, io::Error>(bytes)]);
        Self::from_stream(location, body, u64::MAX).await.map_err(|error| match error {
            ReceiveError::Disk(error) => error,
            other => io::Error::other(other.to_string()),
        })
    }

    /// Where the bytes are.
    pub fn location(&self) -> &Path {
        self.guard.0.as_deref().unwrap_or(Path::new(""))
    }

    /// The bytes were moved elsewhere; nothing is left to remove.
    pub(super) fn taken(mut self) {
        self.guard.0 = None;
    }
}

struct Writer {
    file: tokio::fs::File,
    hash: Sha256,
    size: u64,
    most: u64,
    guard: Partial,
}

impl Writer {
    async fn create(location: PathBuf, most: u64) -> Result<Self, ReceiveError> {
        let guard = Partial(Some(location.clone()));
        let file = tokio::fs::File::create(&location).await?;
        Ok(Self { file, hash: Sha256::new(), size: 0, most, guard })
    }

    async fn write(&mut self, chunk: &[u8]) -> Result<(), ReceiveError> {
        self.size += chunk.len() as u64;
        if self.size > self.most {
            return Err(ReceiveError::TooLarge(self.most));
        }
        self.hash.update(chunk);
        Ok(self.file.write_all(chunk).await?)
    }

    async fn finish(mut self) -> Result<Received, ReceiveError> {
        self.file.flush().await?;
        Ok(Received { size: self.size, sha256: hex::encode(self.hash.finalize()), guard: self.guard })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_unfinished_body_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let chunks = vec![Ok(Bytes::from_static(b"abc")), Err(io::Error::other("gone"))];
        let result = Received::from_stream(folder.path().join("a"), futures::stream::iter(chunks), 100).await;
        assert!(matches!(result, Err(ReceiveError::Broken)));
        let long = futures::stream::iter([Ok::<_, io::Error>(Bytes::from_static(b"abcdef"))]);
        let result = Received::from_stream(folder.path().join("b"), long, 5).await;
        assert!(matches!(result, Err(ReceiveError::TooLarge(5))));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
