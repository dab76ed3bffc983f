//! Files and folders that are ours alone, looked at without following links.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// A folder of ours.
pub(in crate::edge) struct Own {
    pub folder: PathBuf,
    /// Others could write it until now.
    pub was_open: bool,
}

/// Makes the folder if need be and takes it from everybody else. In one that is not ours but writable, such as a volume
/// that an orchestrator made, that is done with a folder of our own.
#[cfg(unix)]
pub(in crate::edge) fn own(folder: &Path) -> io::Result<Own> {
    let found = made(folder)?;
    if is_ours(&found).is_ok() {
        return take(folder, &found);
    }
    let within = folder.join(format!("of-{}", rustix::process::geteuid().as_raw()));
    take(&within, &made(&within)?)
}

#[cfg(unix)]
fn made(folder: &Path) -> io::Result<std::fs::Metadata> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let found = std::fs::symlink_metadata(folder)?;
    if found.is_dir() { Ok(found) } else { Err(io::Error::other("it is not a folder, and links are not followed")) }
}

#[cfg(unix)]
fn take(folder: &Path, found: &std::fs::Metadata) -> io::Result<Own> {
    use std::os::unix::fs::PermissionsExt;
    is_ours(found)?;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))?;
    Ok(Own { folder: folder.into(), was_open: others_write(found) })
}

/// Writes a file of `folder` beside its place and renames it, so that a reader sees all of it or none.
pub(in crate::edge) fn write(folder: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

/// Opens a plain file for reading that only we could have written.
#[cfg(unix)]
pub(in crate::edge) fn open_own(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let flags = (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits();
    let file = File::options().read(true).custom_flags(flags.cast_signed()).open(path)?;
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    is_ours(&found)?;
    if others_write(&found) {
        return Err(io::Error::other("others can write it"));
    }
    Ok(file)
}

#[cfg(unix)]
fn is_ours(found: &std::fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let us = rustix::process::geteuid().as_raw();
    if found.uid() == us {
        return Ok(());
    }
    Err(io::Error::other(format!("it belongs to user {} and this process is user {us}", found.uid())))
}

#[cfg(unix)]
fn others_write(found: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    found.permissions().mode() & 0o022 != 0
}

#[cfg(not(unix))]
pub(in crate::edge) fn own(folder: &Path) -> io::Result<Own> {
    std::fs::create_dir_all(folder).map(|()| Own { folder: folder.into(), was_open: false })
}

#[cfg(not(unix))]
pub(in crate::edge) fn open_own(path: &Path) -> io::Result<File> {
    File::open(path)
}
