//! A folder for what is fetched, kept between starts. Nobody but its owner may read or write it; what somebody else could
//! have put there is thrown away.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::EdgeError;
use super::engine::rights;

/// See the module.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Makes the folder if need be and takes it from everybody else; one that others could write is emptied.
    pub fn open(path: &Path) -> Result<Self, EdgeError> {
        let open = || -> io::Result<Self> {
            let own = rights::own(path)?;
            if own.was_open {
                tracing::warn!(folder = %own.folder.display(), "others could write what was fetched: it is fetched again");
                for entry in std::fs::read_dir(&own.folder)? {
                    std::fs::remove_file(entry?.path())?;
                }
            }
            Ok(Self(own.folder))
        };
        open().map_err(|source| EdgeError::Cache { path: path.into(), source })
    }

    /// A file of it, if it is there and only we could have written it.
    pub fn read(&self, name: &str) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        rights::open_own(&self.0.join(name)).ok()?.read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    /// Writes a file of it, of which a reader sees all or nothing.
    pub fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        rights::write(&self.0, &self.0.join(name), bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::Folder;

    #[cfg(unix)]
    #[test]
    fn what_others_could_have_written_is_not_there() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let mode = |mode| std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        Folder::open(folder.path()).unwrap().write("a", b"1").unwrap();
        assert_eq!(Folder::open(folder.path()).unwrap().read("a").as_deref(), Some(&b"1"[..]));
        mode(0o777);
        assert_eq!(Folder::open(folder.path()).unwrap().read("a"), None);
        assert_eq!(std::fs::metadata(folder.path()).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
