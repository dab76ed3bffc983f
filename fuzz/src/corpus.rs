//! The kept inputs: small seeds that mean something, and every input that ever failed.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use sha2::{Digest, Sha256};

/// Where a target's corpus is.
#[must_use]
pub fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target)
}

/// All inputs of a target, by name, in a fixed order.
///
/// # Errors
/// When there are none: a target without seeds finds nothing.
pub fn load(target: &str) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let folder = folder(target);
    let mut inputs = Vec::new();
    for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        inputs.push((name, std::fs::read(&path)?));
    }
    ensure!(!inputs.is_empty(), "{} is empty", folder.display());
    inputs.sort();
    Ok(inputs)
}

/// Keeps an input that failed.
///
/// # Errors
/// When it cannot be written.
pub fn keep(target: &str, input: &[u8]) -> anyhow::Result<PathBuf> {
    let digest = hex::encode(Sha256::digest(input));
    let path = folder(target).join(format!("failed-{}", digest.get(..16).unwrap_or(&digest)));
    std::fs::write(&path, input).with_context(|| path.display().to_string())?;
    Ok(path)
}
