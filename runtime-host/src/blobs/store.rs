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

use super::{Area, BlobError, BlobKey, BlobPrefix, Disk, FreeSpace};

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
        self.put_leaving(None, key, limit, body).await
    }

    /// As [`Blobs::put`], as long as so much of the disk stays free: others write at the same time.
    pub(super) async fn put_leaving<S, E>(
        &self,
        min_free: Option<FreeSpace>,
        key: &BlobKey,
        limit: u64,
        body: S,
    ) -> Result<u64, BlobError>
    where
        S: Stream<Item = Result<Bytes, E>> + Send,
        E: std::fmt::Display,
    {
        let room = |bytes| min_free.map_or(Ok(()), |min_free| self.room(min_free)?.require(bytes));
        let mut upload = self.area(key.area()).put_multipart(&key.path()).await?;
        let stored = match write_all(&mut *upload, limit, room, body).await {
            Ok(size) => match upload.complete().await {
                Ok(_) => return Ok(size),
                Err(error) => {
                    self.remove_uncompleted(key, size).await;
                    error.into()
                }
            },
            Err(error) => {
                if let Err(cleanup) = upload.abort().await {
                    left(key, &cleanup);
                }
                error
            }
        };
        self.tidy(key.prefix()).await;
        Err(stored)
    }

    /// Removes what is left of a blob that was written and could not be completed: the store has forgotten it by then. Who
    /// stores the same blob at the same time has as a rule written less of it.
    async fn remove_uncompleted(&self, key: &BlobKey, size: u64) {
        let staged = format!("{}#", key.name());
        let Ok(mut entries) = tokio::fs::read_dir(self.folder(key.prefix())).await else { return };
        while let Ok(Some(entry)) = entries.next_entry().await {
            let is_staged = entry.file_name().to_str().is_some_and(|name| name.starts_with(&staged));
            if !is_staged || entry.metadata().await.map_or(true, |meta| meta.len() != size) {
                continue;
            }
            if let Err(cleanup) = tokio::fs::remove_file(entry.path()).await {
                left(key, &cleanup);
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

fn left(key: &BlobKey, error: &impl std::fmt::Display) {
    tracing::warn!(error = %error, key = %key, "an incomplete blob was not removed");
}

/// Asks before each part whether there is `room` for its bytes.
async fn write_all<S, E>(
    upload: &mut dyn MultipartUpload,
    limit: u64,
    room: impl Fn(u64) -> Result<(), BlobError>,
    body: S,
) -> Result<u64, BlobError>
where
    S: Stream<Item = Result<Bytes, E>> + Send,
    E: std::fmt::Display,
{
    let mut body = std::pin::pin!(body);
    let (mut part, mut gathered, mut size) = (Vec::new(), 0_usize, 0_u64);
    while let Some(chunk) = tokio::time::timeout(PATIENCE, body.next()).await.map_err(|_| BlobError::Stalled)? {
        let chunk = chunk.map_err(|e| BlobError::Broken(e.to_string()))?;
        size = size.saturating_add(chunk.len() as u64);
        if size > limit {
            return Err(BlobError::TooLarge { limit });
        }
        gathered += chunk.len();
        part.push(chunk);
        if gathered >= PART {
            room(gathered as u64)?;
            upload.put_part(PutPayload::from_iter(part.drain(..))).await?;
            gathered = 0;
        }
    }
    if gathered > 0 {
        room(gathered as u64)?;
        upload.put_part(PutPayload::from_iter(part)).await?;
    }
    Ok(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: &str = "0123456789abcdef0123456789abcdef";

    fn store(folder: &Path) -> (Blobs, BlobKey) {
        let blobs = Blobs::local(&folder.join("uploads"), &folder.join("results")).unwrap();
        (blobs, BlobKey::parse(&format!("uploads/{JOB}/a.jpg")).unwrap())
    }

    fn body(bytes: usize) -> impl Stream<Item = Result<Bytes, std::io::Error>> {
        futures::stream::iter([Ok(Bytes::from(vec![1; bytes]))])
    }

    #[tokio::test]
    async fn what_cannot_be_completed_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (blobs, key) = store(folder.path());
        let job = folder.path().join("uploads").join(JOB);
        // A folder of its name: nothing can be renamed to it.
        std::fs::create_dir_all(job.join("a.jpg")).unwrap();
        for others in ["a.jpg#7", "b.jpg#1"] {
            std::fs::write(job.join(others), "another one").unwrap();
        }
        assert!(matches!(blobs.put(&key, 1 << 20, body(300_000)).await, Err(BlobError::Store(_))));
        let mut names: Vec<_> = std::fs::read_dir(&job).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort_unstable();
        assert_eq!(names, ["a.jpg", "a.jpg#7", "b.jpg#1"], "what others write stays");
    }

    #[tokio::test]
    async fn room_is_asked_for_while_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let (blobs, key) = store(folder.path());
        for bytes in [10, PART, 3 * PART] {
            let refused = blobs.put_leaving(Some(FreeSpace::Bytes(u64::MAX)), &key, 1 << 20, body(bytes)).await;
            assert!(matches!(refused, Err(BlobError::Reserved { .. })), "{bytes}");
            assert_eq!(std::fs::read_dir(folder.path().join("uploads")).unwrap().count(), 0, "{bytes}");
        }
        let taken = blobs.put_leaving(Some(FreeSpace::Bytes(0)), &key, 1 << 20, body(3 * PART)).await;
        assert_eq!(taken.unwrap(), 3 * PART as u64);
    }
}
