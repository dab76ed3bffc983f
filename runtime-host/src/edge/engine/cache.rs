//! Compiled components on disk, named by what they were compiled from and by which compiler with which settings.
//! An entry is a file of code and one with its SHA-256; an entry that does not match is compiled again.

use std::hash::{Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use super::precompiled;
use crate::edge::EdgeError;
use crate::edge::folder::Folder;

/// See the module.
pub(super) struct Cache {
    folder: Folder,
}

impl Cache {
    /// Makes the folder if need be and takes it from everybody else.
    pub fn open(folder: &Path) -> Result<Self, EdgeError> {
        Ok(Self { folder: Folder::open(folder)? })
    }

    /// The component of `bytes`, and whether it was found. Trouble with the folder only costs the compilation.
    pub fn component(&self, engine: &Engine, bytes: &[u8]) -> wasmtime::Result<(Component, bool)> {
        let key = key(engine, bytes);
        if let Some(component) = self.find(engine, &key) {
            return Ok((component, true));
        }
        let component = Component::from_binary(engine, bytes)?;
        if let Err(error) = self.keep(&key, &component.serialize()?) {
            tracing::warn!(%error, "compiled component could not be kept");
        }
        Ok((component, false))
    }

    fn find(&self, engine: &Engine, key: &str) -> Option<Component> {
        let (code, digest) = self.paths(key);
        let expected = std::fs::read_to_string(digest).ok()?;
        let found = hex::encode(Sha256::digest(std::fs::read(&code).ok()?));
        if found != expected.trim() {
            tracing::warn!(key, "cached component is damaged, compiling it again");
            return None;
        }
        precompiled::load(engine, &code)
            .inspect_err(|error| tracing::warn!(key, %error, "cached component is of no use, compiling it again"))
            .ok()
    }

    fn keep(&self, key: &str, code: &[u8]) -> io::Result<()> {
        let (code_path, digest_path) = self.paths(key);
        self.folder.write(&code_path, code)?;
        self.folder.write(&digest_path, hex::encode(Sha256::digest(code)).as_bytes())
    }

    fn paths(&self, key: &str) -> (PathBuf, PathBuf) {
        (self.folder.join(&format!("{key}.cwasm")), self.folder.join(&format!("{key}.sha256")))
    }
}

fn key(engine: &Engine, bytes: &[u8]) -> String {
    let mut compiler = Sha256Hasher(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut compiler);
    let compiler = compiler.0.finalize();
    let (compiler, _) = compiler.split_at(8);
    format!("{}-{}", hex::encode(Sha256::digest(bytes)), hex::encode(compiler))
}

/// Lets the engine's compatibility hash be the same in every process, which the standard hasher does not promise.
struct Sha256Hasher(Sha256);

impl Hasher for Sha256Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

    fn entry(folder: &Path) -> PathBuf {
        let mut entries = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
        entries.find(|p| p.extension().is_some_and(|e| e == "cwasm")).unwrap()
    }

    #[test]
    fn finds_what_it_kept_and_compiles_what_was_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::default();
        let cache = Cache::open(&folder.path().join("cache")).unwrap();
        assert!(!cache.component(&engine, EMPTY).unwrap().1);
        assert!(cache.component(&engine, EMPTY).unwrap().1);
        let code = entry(&folder.path().join("cache"));
        let mut bytes = std::fs::read(&code).unwrap();
        bytes.truncate(bytes.len() / 2);
        std::fs::write(&code, bytes).unwrap();
        assert!(!cache.component(&engine, EMPTY).unwrap().1, "a damaged entry was used");
        assert!(cache.component(&engine, EMPTY).unwrap().1, "the entry was not repaired");
    }
}
