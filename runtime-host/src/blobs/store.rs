//! Puts, reads and removes blobs. A blob appears whole or not at all; bytes pass in pieces, never a file at a time.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, TryStreamExt};
use image2model_domain::FileId;
use object_store::local::LocalFileSystem;
use object_store::{GetOptions, GetRange, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt, PutPayload};
use std::ops::Range;

use super::{Area, BlobError, BlobKey, BlobPrefix, Disk};

/// Bytes that are gathered before they are written.
const PART: usize = 256 * 1024;
/// A sender that is silent for this long has gone.
const PATIENCE: Duration = Duration::from_secs(120);

/// What is known about a blob without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobMeta {
    /// Bytes.
    pub size: u64,
    /// Entity tag, quoted as HTTP writes it.
    pub etag: String,
    /// When it was stored.
    pub modified: std::time::SystemTime,
}

impl From<&ObjectMeta> for BlobMeta {
    fn from(meta: &ObjectMeta) -> Self {
        let tag = meta
            .e_tag
            .clone()
            .unwrap_or_else(|| format!("{:x}-{:x}", meta.last_modified.timestamp_micros(), meta.size));
        let etag = if tag.starts_with('"') { tag } else { format!("\"{tag}\"") };
        Self { size: meta.size, etag, modified: meta.last_modified.into() }
    }
}

/// A blob, or a part of it, being read.
pub struct Blob {
    /// About the whole blob.
    pub meta: BlobMeta,
    /// Which bytes `chunks` gives.
    pub range: Range<u64>,
    /// The bytes.
    pub chunks: BoxStream<'static, Result<Bytes, BlobError>>,
}

impl std::fmt::Debug for Blob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Blob").field("meta", &self.meta).field("range", &self.range).finish_non_exhaustive()
    }
}

/// What a deletion freed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Freed {
    /// Blobs removed.
    pub deleted: u64,
    /// Bytes they had.
    pub freed_bytes: u64,
}

impl Freed {
    /// One blob of that size.
    pub(super) fn one(size: u64) -> Self {
        Self { deleted: 1, freed_bytes: size }
    }
}

impl std::ops::AddAssign for Freed {
    fn add_assign(&mut self, other: Self) {
        self.deleted += other.deleted;
        self.freed_bytes += other.freed_bytes;
    }
}

/// The store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Blobs {
    uploads: Arc<dyn ObjectStore>,
    results: Arc<dyn ObjectStore>,
    upload_dir: PathBuf,
    results_dir: PathBuf,
}

impl Blobs {
    /// Keeps blobs in two local folders, which are made when they are not there.
    ///
    /// # Errors
    /// [`BlobError::Folder`] when a folder cannot be made or used.
    pub fn local(upload_dir: &Path, results_dir: &Path) -> Result<Self, BlobError> {
        let (uploads, results) = (folder(upload_dir)?, folder(results_dir)?);
        Ok(Self { uploads, results, upload_dir: upload_dir.to_owned(), results_dir: results_dir.to_owned() })
    }

    fn area(&self, area: Area) -> &Arc<dyn ObjectStore> {
        match area {
            Area::Uploads => &self.uploads,
            Area::Results => &self.results,
        }
    }

    pub(super) fn area_folder(&self, area: Area) -> &Path {
        match area {
            Area::Uploads => &self.upload_dir,
            Area::Results => &self.results_dir,
        }
    }

    pub(super) fn folder(&self, prefix: &BlobPrefix) -> PathBuf {
        self.area_folder(prefix.area).join(&prefix.job)
    }

    /// Removes the folder of a job in which nothing is left. The store does so after a deletion, but not after a blob that
    /// was never completed; a folder with something in it stays.
    async fn tidy(&self, prefix: &BlobPrefix) {
        let _ = tokio::fs::remove_dir(self.folder(prefix)).await;
    }

    /// Stores what the stream gives, replacing what was there, and answers its size. Nothing is kept of a stream that
    /// fails, stalls or exceeds `limit` bytes.
    ///
    /// # Errors
    /// [`BlobError`].
    pub async fn put<S, E>(&self, key: &BlobKey, limit: u64, body: S) -> Result<u64, BlobError>
    where
        S: Stream<Item = Result<Bytes, E>> + Send,
        E: std::fmt::Display,
    {
        let mut upload = self.area(key.area()).put_multipart(&key.path()).await?;
        match write_all(&mut *upload, limit, body).await {
            Ok(size) => {
                upload.complete().await?;
                Ok(size)
            }
            Err(error) => {
                if let Err(cleanup) = upload.abort().await {
                    tracing::warn!(error = %cleanup, key = %key, "an incomplete blob was not removed");
                }
                self.tidy(key.prefix()).await;
                Err(error)
            }
        }
    }

    /// Opens a blob, or the given part of it.
    ///
    /// # Errors
    /// [`BlobError`]; [`BlobError::NotFound`] when there is none.
    pub async fn get(&self, key: &BlobKey, range: Option<Range<u64>>) -> Result<Blob, BlobError> {
        let options = GetOptions::new().with_range(range.map(GetRange::Bounded));
        let result = self.area(key.area()).get_opts(&key.path(), options).await?;
        let (meta, range) = (BlobMeta::from(&result.meta), result.range.clone());
        Ok(Blob { meta, range, chunks: result.into_stream().map_err(BlobError::from).boxed() })
    }

    /// What is known about a blob.
    ///
    /// # Errors
    /// As [`Blobs::get`].
    pub async fn head(&self, key: &BlobKey) -> Result<BlobMeta, BlobError> {
        Ok(BlobMeta::from(&self.area(key.area()).head(&key.path()).await?))
    }

    /// Removes one blob; one that is not there is no error.
    ///
    /// # Errors
    /// [`BlobError`].
    pub async fn delete(&self, key: &BlobKey) -> Result<Freed, BlobError> {
        let store = self.area(key.area());
        let removed = async {
            let size = store.head(&key.path()).await?.size;
            store.delete(&key.path()).await?;
            Ok(Freed::one(size))
        };
        match removed.await.map_err(|e: object_store::Error| BlobError::from(e)) {
            Err(BlobError::NotFound) => Ok(Freed::default()),
            other => other,
        }
    }

    /// Removes all blobs of a job in one area.
    ///
    /// # Errors
    /// [`BlobError`]; what was removed before stays removed.
    pub async fn delete_prefix(&self, prefix: &BlobPrefix) -> Result<Freed, BlobError> {
        self.delete_where(prefix, |_| true).await
    }

    /// Removes what belongs to one file of a job in one area: the blobs whose names begin with its id.
    ///
    /// # Errors
    /// [`BlobError`]; what was removed before stays removed.
    pub async fn delete_file(&self, prefix: &BlobPrefix, file: &FileId) -> Result<Freed, BlobError> {
        let start = format!("{file}_");
        self.delete_where(prefix, |name| name.starts_with(&start)).await
    }

    async fn delete_where(&self, prefix: &BlobPrefix, wanted: impl Fn(&str) -> bool) -> Result<Freed, BlobError> {
        let store = self.area(prefix.area);
        let found: Vec<ObjectMeta> = store.list(Some(&prefix.path())).try_collect().await?;
        let mut freed = Freed::default();
        for meta in found.into_iter().filter(|meta| meta.location.filename().is_some_and(&wanted)) {
            match store.delete(&meta.location).await.map_err(BlobError::from) {
                Ok(()) => freed += Freed::one(meta.size),
                Err(BlobError::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        self.tidy(prefix).await;
        Ok(freed)
    }

    /// The blobs of a job in one area.
    pub(super) fn list_prefix(&self, prefix: &BlobPrefix) -> BoxStream<'static, Result<BlobMeta, BlobError>> {
        let listed = self.area(prefix.area).list(Some(&prefix.path()));
        listed.map_ok(|meta| BlobMeta::from(&meta)).map_err(BlobError::from).boxed()
    }

    /// Every blob of an area, in no order, with its size.
    pub fn list(&self, area: Area) -> BoxStream<'static, Result<(BlobKey, BlobMeta), BlobError>> {
        let listed = self.area(area).list(None).map_err(BlobError::from);
        let named = listed.try_filter_map(move |meta| {
            // What does not bear a blob's name was put there by somebody else and is none of ours.
            let key = BlobKey::parse(&format!("{}/{}", area.as_str(), meta.location)).ok();
            futures::future::ready(Ok(key.map(|key| (key, BlobMeta::from(&meta)))))
        });
        named.boxed()
    }

    /// Space left for uploads.
    ///
    /// # Errors
    /// [`BlobError::Folder`] when the system does not say.
    pub fn disk(&self) -> Result<Disk, BlobError> {
        let stat = rustix::fs::statvfs(&self.upload_dir).map_err(|e| at(&self.upload_dir)(e.into()))?;
        let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
        Ok(Disk { free_bytes: bytes(stat.f_bavail), total_bytes: bytes(stat.f_blocks) })
    }
}

pub(super) fn at(path: &Path) -> impl FnOnce(std::io::Error) -> BlobError {
    let path = path.display().to_string();
    move |source| BlobError::Folder { path, source }
}

fn folder(path: &Path) -> Result<Arc<dyn ObjectStore>, BlobError> {
    std::fs::create_dir_all(path).map_err(at(path))?;
    // An accepted file survives a crash of the machine, and an emptied job leaves no folder.
    let store = LocalFileSystem::new_with_prefix(path)?.with_fsync(true).with_automatic_cleanup(true);
    Ok(Arc::new(store))
}

async fn write_all<S, E>(upload: &mut dyn MultipartUpload, limit: u64, body: S) -> Result<u64, BlobError>
where
    S: Stream<Item = Result<Bytes, E>> + Send,
    E: std::fmt::Display,
{
    let mut body = std::pin::pin!(body);
    let (mut part, mut gathered, mut size) = (Vec::new(), 0, 0_u64);
    while let Some(chunk) = tokio::time::timeout(PATIENCE, body.next()).await.map_err(|_| BlobError::Stalled)? {
        let chunk = chunk.map_err(|e| BlobError::Broken(e.to_string()))?;
        size = size.saturating_add(chunk.len() as u64);
        if size > limit {
            return Err(BlobError::TooLarge { limit });
        }
        gathered += chunk.len();
        part.push(chunk);
        if gathered >= PART {
            upload.put_part(PutPayload::from_iter(part.drain(..))).await?;
            gathered = 0;
        }
    }
    if gathered > 0 {
        upload.put_part(PutPayload::from_iter(part)).await?;
    }
    Ok(size)
}
