//! FAL's file storage: uploaded images and made models, on disk, served by URL without a key.
//! Bounded by total bytes (the oldest files go first), bytes per file, and the number of open uploads.

mod name;
mod receive;
mod upload;

pub use name::FileName;
pub use receive::{ReceiveError, Received};
pub use upload::{LIFETIME, MOST_PARTS, PartReceipt, Uploads};

use crate::{config::Config, scenario::Scenario};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use std::{
    collections::{HashMap, VecDeque},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// Names of whole files on disk begin so.
const FILE: &str = "fal-sim-file-";
/// Names of arriving files on disk begin so.
const INCOMING: &str = "fal-sim-incoming-";

/// One stored file, as the index knows it.
#[derive(Clone, Debug)]
pub struct StoredFile {
    /// Path of its URL below the CDN's root: `files/b/…`.
    pub path: String,
    /// Content type given at upload.
    pub content_type: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256 in hex, also its ETag.
    pub sha256: String,
    /// When it stops being served.
    pub expires_at: Option<DateTime<Utc>>,
    /// How its downloads are disturbed.
    pub scenario: Scenario,
    /// Where its bytes are.
    location: PathBuf,
}

/// All files.
pub struct Storage {
    root: PathBuf,
    /// Removes the folder with the simulator when it was made for it.
    _temporary: Option<tempfile::TempDir>,
    max_stored_bytes: u64,
    max_file_bytes: u64,
    index: Mutex<Index>,
    /// Uploads that were begun.
    pub uploads: Uploads,
}

#[derive(Default)]
struct Index {
    files: HashMap<String, Arc<StoredFile>>,
    order: VecDeque<String>,
    bytes: u64,
}

/// What a file is stored with.
#[derive(Clone, Debug)]
pub struct Description {
    /// Content type.
    pub content_type: String,
    /// Seconds it is kept; for ever without.
    pub lifetime: Option<Duration>,
    /// How its downloads are disturbed.
    pub scenario: Scenario,
}

impl Storage {
    /// Prepares the folder; one that was given is kept, one that was not is temporary.
    pub fn open(config: &Config) -> io::Result<Self> {
        let temporary = match &config.data_dir {
            Some(_) => None,
            None => Some(tempfile::Builder::new().prefix("fal-sim-").tempdir()?),
        };
        let root = match (&temporary, &config.data_dir) {
            (Some(folder), _) => folder.path().to_owned(),
            (None, given) => given.clone().unwrap_or_default(),
        };
        std::fs::create_dir_all(&root)?;
        remove_leftovers(&root)?;
        Ok(Self {
            root,
            _temporary: temporary,
            max_stored_bytes: config.max_stored_bytes,
            max_file_bytes: config.max_file_bytes,
            index: Mutex::default(),
            uploads: Uploads::default(),
        })
    }

    /// Most bytes one file may have.
    pub fn max_file_bytes(&self) -> u64 {
        self.max_file_bytes
    }

    /// A place for bytes that are still arriving.
    pub(crate) fn incoming(&self) -> PathBuf {
        self.root.join(format!("{INCOMING}{}", uuid::Uuid::new_v4().simple()))
    }

    /// Takes over received bytes under `path`, replacing what was there, and drops the oldest files beyond the bound.
    pub async fn keep(&self, path: &str, received: Received, about: Description) -> io::Result<Arc<StoredFile>> {
        let location = self.root.join(format!("{FILE}{}", uuid::Uuid::new_v4().simple()));
        tokio::fs::rename(received.location(), &location).await?;
        let expires_at = about
            .lifetime
            .and_then(|lifetime| chrono::TimeDelta::from_std(lifetime).ok())
            .and_then(|lifetime| Utc::now().checked_add_signed(lifetime));
        let file = Arc::new(StoredFile {
            path: path.into(),
            content_type: about.content_type,
            size: received.size,
            sha256: received.sha256.clone(),
            expires_at,
            scenario: about.scenario,
            location,
        });
        received.taken();
        let dropped = self.index.lock().insert(file.clone(), self.max_stored_bytes);
        for old in dropped {
            remove(&old.location).await;
        }
        Ok(file)
    }

    /// Stores bytes made here under a fresh URL path.
    pub async fn put(&self, name: &str, bytes: Bytes, about: Description) -> io::Result<Arc<StoredFile>> {
        let received = Received::from_bytes(self.incoming(), bytes).await?;
        self.keep(&FileName::fresh(name).path(), received, about).await
    }

    /// The file at a URL path, unless it is unknown or expired.
    pub async fn find(&self, path: &str) -> Option<Arc<StoredFile>> {
        let file = self.index.lock().files.get(path).cloned()?;
        if file.expires_at.is_none_or(|end| Utc::now() < end) {
            return Some(file);
        }
        let gone = self.index.lock().remove(path);
        if let Some(gone) = gone {
            remove(&gone.location).await;
        }
        None
    }

    /// Number of files and their bytes.
    pub fn usage(&self) -> (usize, u64) {
        let index = self.index.lock();
        (index.files.len(), index.bytes)
    }
}

impl StoredFile {
    /// Opens the bytes.
    pub async fn open(&self) -> io::Result<tokio::fs::File> {
        tokio::fs::File::open(&self.location).await
    }

    /// Reads the bytes.
    pub async fn read(&self) -> io::Result<Vec<u8>> {
        tokio::fs::read(&self.location).await
    }
}

impl Index {
    /// Adds a file; answers the files that have to go.
    fn insert(&mut self, file: Arc<StoredFile>, most: u64) -> Vec<Arc<StoredFile>> {
        let mut gone: Vec<_> = self.remove(&file.path).into_iter().collect();
        self.bytes += file.size;
        self.order.push_back(file.path.clone());
        self.files.insert(file.path.clone(), file);
        while self.bytes > most && self.order.len() > 1 {
            let Some(oldest) = self.order.front().cloned() else { break };
            gone.extend(self.remove(&oldest));
        }
        gone
    }

    fn remove(&mut self, path: &str) -> Option<Arc<StoredFile>> {
        let file = self.files.remove(path)?;
        self.order.retain(|other| other != path);
        self.bytes -= file.size;
        Some(file)
    }
}

/// Files of an earlier run have no URL any more; only names we gave are touched.
fn remove_leftovers(root: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(root)? {
        let entry = entry?;
        let name = entry.file_name();
        let ours = name.to_str().is_some_and(|name| name.starts_with(FILE) || name.starts_with(INCOMING));
        if ours && entry.file_type()?.is_file() {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

async fn remove(location: &Path) {
    if let Err(error) = tokio::fs::remove_file(location).await {
        tracing::warn!(%error, "could not remove a dropped file");
    }
}
