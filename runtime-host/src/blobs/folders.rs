//! The jobs' folders as the file system has them. The store's own lists leave out what was never completed (`name#3`, which
//! a killed host leaves behind) and folders in which nothing lies; here both are seen, and can be removed.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use tokio::fs::{self, DirEntry, ReadDir};

use super::store::at;
use super::{Area, BlobError, BlobPrefix, Blobs, Freed};

/// The folders of an area, in no order; read on as they are asked for.
pub(super) struct Folders {
    area: Area,
    path: PathBuf,
    entries: ReadDir,
}

impl Folders {
    /// The next `most` of them; none at the end.
    pub(super) async fn next(&mut self, most: usize) -> Result<Vec<BlobPrefix>, BlobError> {
        let mut found = Vec::new();
        while found.len() < most {
            let Some(entry) = self.entries.next_entry().await.map_err(at(&self.path))? else { break };
            // What does not bear a job's name was put there by somebody else and is none of ours.
            let Some(prefix) = entry.file_name().to_str().and_then(|name| BlobPrefix::of(self.area, name).ok()) else {
                continue;
            };
            if entry.file_type().await.is_ok_and(|kind| kind.is_dir()) {
                found.push(prefix);
            }
        }
        Ok(found)
    }
}

/// A blob that is being stored, or whose storing was cut off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Staged {
    path: PathBuf,
    size: u64,
    modified: SystemTime,
}

/// What lies in a job's folder.
#[derive(Debug)]
pub(super) struct Contents {
    /// When something in it was last written, or the folder itself when it is empty.
    pub(super) newest: SystemTime,
    staged: Vec<Staged>,
}

impl Contents {
    /// What has been staged since before `limit` without a byte more.
    pub(super) fn staged_before(&self, limit: SystemTime) -> Vec<Staged> {
        self.staged.iter().filter(|staged| staged.modified < limit).cloned().collect()
    }
}

impl Blobs {
    /// Begins to read an area.
    pub(super) async fn folders(&self, area: Area) -> Result<Folders, BlobError> {
        let path = self.area_folder(area).to_owned();
        let entries = fs::read_dir(&path).await.map_err(at(&path))?;
        Ok(Folders { area, path, entries })
    }

    /// Looks into one folder; `None` when it has gone.
    pub(super) async fn contents(&self, prefix: &BlobPrefix) -> Result<Option<Contents>, BlobError> {
        let path = self.folder(prefix);
        match look(&path).await {
            Ok(contents) => Ok(Some(contents)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(at(&path)(error)),
        }
    }

    /// Removes what was never completed.
    pub(super) async fn remove_staged(&self, staged: &[Staged]) -> Result<Freed, BlobError> {
        let mut freed = Freed::default();
        for Staged { path, size, .. } in staged {
            match fs::remove_file(path).await {
                Ok(()) => freed += Freed::one(*size),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(at(path)(error)),
            }
        }
        Ok(freed)
    }
}

async fn look(path: &Path) -> io::Result<Contents> {
    let mut contents = Contents { newest: SystemTime::UNIX_EPOCH, staged: Vec::new() };
    let (mut entries, mut empty) = (fs::read_dir(path).await?, true);
    while let Some(entry) = entries.next_entry().await? {
        let meta = match entry.metadata().await {
            Ok(meta) => meta,
            // Completed, or removed, in between.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        let modified = meta.modified()?;
        (contents.newest, empty) = (contents.newest.max(modified), false);
        if meta.is_file() && is_staged(&entry) {
            contents.staged.push(Staged { path: entry.path(), size: meta.len(), modified });
        }
    }
    if empty {
        contents.newest = fs::metadata(path).await?.modified()?;
    }
    Ok(contents)
}

/// Whether a name is that of a staged blob: the blob's own, `#`, and a number.
fn is_staged(entry: &DirEntry) -> bool {
    let name = entry.file_name();
    let parts = name.to_str().and_then(|name| name.rsplit_once('#'));
    parts.is_some_and(|(_, number)| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}
