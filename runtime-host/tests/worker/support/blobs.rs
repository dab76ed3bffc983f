//! Blobs in memory.

use std::collections::HashMap;
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use image2model_host::worker::{Blobs, ByteStream};

/// A blob store that forgets.
#[derive(Default)]
pub struct MemoryBlobs {
    kept: Mutex<HashMap<String, Bytes>>,
    /// Whatever is read breaks off half-way.
    pub breaks_off: AtomicBool,
}

impl MemoryBlobs {
    pub fn put(&self, key: &str, bytes: Vec<u8>) {
        self.kept.lock().unwrap().insert(key.to_owned(), bytes.into());
    }

    pub fn get(&self, key: &str) -> Option<Bytes> {
        self.kept.lock().unwrap().get(key).cloned()
    }
}

#[async_trait]
impl Blobs for MemoryBlobs {
    async fn read(&self, key: &str) -> io::Result<(u64, ByteStream)> {
        let bytes = self.get(key).ok_or(io::ErrorKind::NotFound)?;
        // In small pieces, as a disk would.
        let mut chunks: Vec<io::Result<Bytes>> = bytes.chunks(1000).map(|c| Ok(Bytes::copy_from_slice(c))).collect();
        if self.breaks_off.load(Ordering::Relaxed) {
            chunks = vec![Ok(bytes.slice(..bytes.len() / 2)), Err(io::ErrorKind::InvalidData.into())];
        }
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
