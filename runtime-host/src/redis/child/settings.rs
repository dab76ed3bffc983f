//! The private server's folder, port, password and configuration file (readable by the owner only).

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use super::ChildError;

const PROGRAMS: [&str; 2] = ["redis-server", "valkey-server"];
const CONFIG: &str = "redis.conf";

/// What one server runs with.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) dir: PathBuf,
    pub(super) port: u16,
    password: SecretString,
}

impl Settings {
    /// Chooses a free port and a new password and writes the configuration.
    pub(super) fn write(dir: &Path) -> Result<Self, ChildError> {
        let at = |source| ChildError::Folder { path: dir.to_owned(), source };
        let dir = dir.canonicalize().map_err(at)?;
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).map_err(at)?.port();
        let password = SecretString::from(hex::encode(rand::random::<[u8; 24]>()));
        let settings = Self { dir, port, password };
        write_private(&settings.config_file(), settings.config_text().as_bytes())?;
        Ok(settings)
    }

    /// The settings of the run before, if there was one.
    pub(super) fn read(dir: &Path) -> Option<Self> {
        let text = fs::read_to_string(dir.join(CONFIG)).ok()?;
        let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let port = value("port")?.parse().ok()?;
        let password = SecretString::from(value("requirepass")?);
        Some(Self { dir: dir.canonicalize().ok()?, port, password })
    }

    pub(super) fn config_file(&self) -> PathBuf {
        self.dir.join(CONFIG)
    }

    pub(super) fn pid_file(&self) -> PathBuf {
        self.dir.join("redis.pid")
    }

    pub(super) fn url(&self) -> String {
        format!("redis://:{}@127.0.0.1:{}/0", self.password.expose_secret(), self.port)
    }

    fn config_text(&self) -> String {
        let quoted = |path: PathBuf| format!("{:?}", path.display().to_string());
        [
            "# Written by image2model at every start.".to_owned(),
            "bind 127.0.0.1".to_owned(),
            format!("port {}", self.port),
            "protected-mode yes".to_owned(),
            format!("requirepass {}", self.password.expose_secret()),
            format!("dir {}", quoted(self.dir.clone())),
            format!("pidfile {}", quoted(self.pid_file())),
            "daemonize no".to_owned(),
            "appendonly yes".to_owned(),
            // A paid request's id must not be lost to a power cut (docs/adr/0004).
            "appendfsync always".to_owned(),
            "save \"\"".to_owned(),
            "maxmemory-policy noeviction".to_owned(),
            "databases 1".to_owned(),
            String::new(),
        ]
        .join("\n")
    }
}

/// The first of the known programs on the path.
pub(super) fn find_program() -> Result<PathBuf, ChildError> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    PROGRAMS
        .iter()
        .flat_map(|program| folders.iter().map(move |folder| folder.join(program)))
        .find(|file| file.is_file())
        .ok_or(ChildError::NoProgram)
}

/// Makes the folder, owner-only, and takes it for this process. The lock ends with the process, however that ends.
pub(super) fn own_folder(dir: &Path) -> Result<File, ChildError> {
    let at = |source| ChildError::Folder { path: dir.to_owned(), source };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(at)?;
    let file =
        OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(dir.join("lock")).map_err(at)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(ChildError::InUse(dir.to_owned())),
        Err(fs::TryLockError::Error(source)) => Err(at(source)),
    }
}

fn write_private(path: &Path, content: &[u8]) -> Result<(), ChildError> {
    let at = |source| ChildError::Folder { path: path.to_owned(), source };
    let new = path.with_extension("conf.new");
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&new).map_err(at)?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(at)?;
    fs::rename(&new, path).map_err(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_is_private() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let written = Settings::write(dir.path()).unwrap();
        let read = Settings::read(dir.path()).unwrap();
        assert_eq!((read.port, read.url()), (written.port, written.url()));
        assert_eq!(fs::metadata(written.config_file()).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_folder_has_one_owner() {
        let dir = tempfile::tempdir().unwrap();
        let lock = own_folder(dir.path()).unwrap();
        assert!(matches!(own_folder(dir.path()), Err(ChildError::InUse(_))));
        drop(lock);
        assert!(own_folder(dir.path()).is_ok());
    }
}
