//! Secrets that nobody configured: made once, kept in the data folder, readable by the owner only.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use anyhow::Context;
use secrecy::SecretString;

/// Makes the data folder, owner-only when it is new.
pub fn data_folder(path: &Path) -> anyhow::Result<()> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.with_context(|| format!("cannot make the data folder {}", path.display()))
}

/// The secret of this name, made now when there is none yet.
pub fn kept(data_dir: &Path, name: &str) -> anyhow::Result<SecretString> {
    let path = data_dir.join(name);
    let context = || format!("cannot keep a secret in {}", path.display());
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
        Ok(mut file) => {
            let secret = random();
            file.write_all(secret.as_bytes()).and_then(|()| file.sync_all()).with_context(context)?;
            Ok(secret.into())
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let mut text = String::new();
            fs::File::open(&path).and_then(|file| file.take(1024).read_to_string(&mut text)).with_context(context)?;
            let text = text.trim();
            anyhow::ensure!(text.len() >= 16, "{} is too short to be a secret; remove it", path.display());
            Ok(text.into())
        }
        Err(error) => Err(error).with_context(context),
    }
}

/// 256 random bits in hex.
pub fn random() -> String {
    hex::encode(rand::random::<[u8; 32]>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn a_secret_is_made_once_and_kept_private() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let first = kept(dir.path(), "blob-token").unwrap();
        assert_eq!(first.expose_secret(), kept(dir.path(), "blob-token").unwrap().expose_secret());
        assert_ne!(first.expose_secret(), kept(dir.path(), "token-secret").unwrap().expose_secret());
        assert_eq!(fs::metadata(dir.path().join("blob-token")).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(dir.path().join("short"), "x").unwrap();
        assert!(kept(dir.path(), "short").is_err());
    }
}
