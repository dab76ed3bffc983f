//! A folder that nobody but its owner may read or write, for what is kept between starts: compiled components, and those
//! that were fetched.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{EdgeError, rights};

/// See the module.
pub(super) struct Folder {
    path: PathBuf,
    was_open: bool,
}

impl Folder {
    /// Makes the folder if need be and takes it from everybody else.
    pub fn open(path: &Path) -> Result<Self, EdgeError> {
        let own = rights::own(path).map_err(|source| EdgeError::Cache { path: path.into(), source })?;
        Ok(Self { path: own.folder, was_open: own.was_open })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether others could write it until now.
    pub fn was_open(&self) -> bool {
        self.was_open
    }

    /// A file in it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes beside and renames, so that a reader sees all of it or none.
    pub fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.path)?;
        file.write_all(bytes)?;
        file.persist(path).map(drop).map_err(|error| error.error)
    }
}

#[cfg(test)]
mod tests {
    #[cfg(unix)]
    #[test]
    fn takes_the_folder_from_everybody_else() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        super::Folder::open(folder.path()).unwrap();
        assert_eq!(std::fs::metadata(folder.path()).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
