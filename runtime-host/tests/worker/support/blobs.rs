//! Blobs in memory.

use std::collections::HashMap;
use std::io;
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use image2model_host::worker::{Blobs, ByteStream};

/// A blob store that forgets.
#[derive(Default)]
pub struct MemoryBlobs(Mutex<HashMap<String, Bytes>>);

impl MemoryBlobs {
    pub fn put(&self, key: &str, bytes: Vec<u8>) {
        self.0.lock().unwrap().insert(key.to_owned(), bytes.into());
    }

    pub fn get(&self, key: &str) -> Option<Bytes> {
        self.0.lock().unwrap().get(key).cloned()
    }
}

#[async_trait]
impl Blobs for MemoryBlobs {
    async fn read(&self, key: &str) -> io::Result<(u64, ByteStream)> {
        let bytes = self.get(key).ok_or(io::ErrorKind::NotFound)?;
        // In small pieces, as a disk would.
        let chunks: Vec<io::Result<Bytes>> = bytes.chunks(1000).map(|c| Ok(Bytes::copy_from_slice(c))).collect();
        Ok((bytes.len() as u64, stream::iter(chunks).boxed()))
    }

    async fn write(&self, key: &str, _content_type: &str, bytes: ByteStream) -> io::Result<u64> {
        let whole = bytes.try_fold(Vec::new(), |mut all, chunk| async move {
            all.extend_from_slice(&chunk);
            Ok(all)
        });
        let whole = whole.await?;
        let size = whole.len() as u64;
        self.put(key, whole);
        Ok(size)
    }
}
