//! Compiled components on disk, named by the recipe of what they were compiled from and by which compiler with which settings.
//! An entry is a file of code and one with its SHA-256; an entry that does not match is compiled again.
//!
//! Machine code that is loaded is run, so only what this user wrote is taken: the folder is made its owner's alone at every
//! start, no link is followed, and a file counts only if it is a plain one of ours that nobody else can write. What others
//! could have written into is not looked at but compiled anew. What nobody needed for [`UNUSED`] is removed at a start.

use std::fs::{File, Metadata};
use std::hash::{Hash, Hasher};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use super::precompiled;
use super::rights;
use crate::edge::EdgeError;
use crate::edge::recipe::Recipe;

/// How long an entry is kept that is not used: a release that is still gone back to is younger.
const UNUSED: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// What is read of a file at a time, bytes.
const PIECE: usize = 128 * 1024;

/// The folder. Nobody but its owner may read or write it.
pub(super) struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// Makes the folder if need be and takes it from everybody else; one that others could write is emptied.
    pub fn open(folder: &Path) -> Result<Self, EdgeError> {
        let open = || -> io::Result<Self> {
            let own = rights::own(folder)?;
            let cache = Self { folder: own.folder };
            if own.was_open {
                let folder = cache.folder.display();
                tracing::warn!(%folder, "others could write the compile cache: nothing in it is used, components are compiled again");
                cache.remove(|_| true)?;
            } else {
                cache.remove(|found| found.modified().is_ok_and(|at| at.elapsed().is_ok_and(|age| age > UNUSED)))?;
            }
            Ok(cache)
        };
        open().map_err(|source| EdgeError::Cache { path: folder.into(), source })
    }

    /// What was compiled by a recipe before.
    pub fn find(&self, engine: &Engine, recipe: &Recipe) -> Option<Component> {
        self.entry(engine, &key(engine, recipe))
    }

    /// Keeps what was compiled. Trouble with the folder only costs the next compilation.
    pub fn keep(&self, engine: &Engine, recipe: &Recipe, component: &Component) {
        let code = component.serialize().map_err(|error| format!("{error:#}"));
        let kept = code.and_then(|code| self.write(&key(engine, recipe), &code).map_err(|error| error.to_string()));
        if let Err(error) = kept {
            tracing::warn!(error, "compiled component could not be kept");
        }
    }

    /// Keeps the code that `compile` writes into a file, and finds it. Within is what `compile` answers when it fails.
    pub fn fill(
        &self,
        engine: &Engine,
        recipe: &Recipe,
        compile: impl FnOnce(File) -> io::Result<Result<(), EdgeError>>,
    ) -> io::Result<Result<Component, EdgeError>> {
        // Of a host that was killed it stays, and is removed like an entry that nobody uses.
        let new = tempfile::Builder::new().prefix("new-").suffix(".cwasm").tempfile_in(&self.folder)?;
        if let Err(error) = compile(new.as_file().try_clone()?)? {
            return Ok(Err(error));
        }
        let key = key(engine, recipe);
        let (code, digest) = self.paths(&key);
        rights::write(&self.folder, &digest, digest_of(&new.reopen()?)?.as_bytes())?;
        new.persist(code)?;
        let found = self.entry(engine, &key);
        found.map(Ok).ok_or_else(|| io::Error::other("what was compiled does not come from the cache"))
    }

    /// Removes these files of entries. Another host may do the same, or give one its name, at the same time.
    fn remove(&self, which: impl Fn(&Metadata) -> bool) -> io::Result<()> {
        for entry in std::fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let is_ours = path.extension().is_some_and(|extension| extension == "cwasm" || extension == "sha256");
            if is_ours
                && let Some(found) = if_there(std::fs::symlink_metadata(&path))?
                && which(&found)
            {
                if_there(std::fs::remove_file(path))?;
            }
        }
        Ok(())
    }

    fn entry(&self, engine: &Engine, key: &str) -> Option<Component> {
        let (path, digest) = self.paths(key);
        let (code, mut digest) = (self.open_entry(&path)?, self.open_entry(&digest)?);
        let mut expected = String::new();
        digest.read_to_string(&mut expected).ok()?;
        if digest_of(&code).ok()? != expected.trim() {
            tracing::warn!(key, "cached component is damaged, compiling it again");
            return None;
        }
        // Its age counts from its last use. One that keeps its old age is compiled again some day.
        for file in [&code, &digest] {
            let _ = file.set_modified(SystemTime::now());
        }
        precompiled::load(engine, &code, &path)
            .inspect_err(|error| tracing::warn!(key, %error, "cached component is of no use, compiling it again"))
            .ok()
    }

    /// A file of the folder, if it is there and only we could have written it.
    fn open_entry(&self, path: &Path) -> Option<File> {
        match rights::open_own(path) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "cached component is not used, compiling it again");
                None
            }
        }
    }

    fn write(&self, key: &str, code: &[u8]) -> io::Result<()> {
        let (code_path, digest_path) = self.paths(key);
        rights::write(&self.folder, &code_path, code)?;
        rights::write(&self.folder, &digest_path, hex::encode(Sha256::digest(code)).as_bytes())
    }

    fn paths(&self, key: &str) -> (PathBuf, PathBuf) {
        (self.folder.join(format!("{key}.cwasm")), self.folder.join(format!("{key}.sha256")))
    }
}

/// Nothing where there was no such file.
fn if_there<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        found => found.map(Some),
    }
}

fn digest_of(mut file: &File) -> io::Result<String> {
    // Piece by piece: what is mapped afterwards need not be in memory twice.
    let (mut digest, mut piece) = (Sha256::new(), vec![0; PIECE]);
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(hex::encode(digest.finalize())),
            count => digest.update(piece.get(..count).unwrap_or_default()),
        }
    }
}

fn key(engine: &Engine, recipe: &Recipe) -> String {
    let mut compiler = Sha256Hasher(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut compiler);
    let compiler = compiler.0.finalize();
    let (compiler, _) = compiler.split_at(8);
    format!("{}-{}", recipe.as_str(), hex::encode(compiler))
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

    /// Finds the component of nothing but `bytes`, or compiles it; tells whether it was found.
    fn found(cache: &Cache, engine: &Engine, bytes: &[u8]) -> bool {
        let recipe = Recipe::of_bytes(bytes);
        if cache.find(engine, &recipe).is_some() {
            return true;
        }
        cache.keep(engine, &recipe, &Component::from_binary(engine, bytes).unwrap());
        false
    }

    fn entry(folder: &Path) -> PathBuf {
        let mut entries = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
        entries.find(|p| p.extension().is_some_and(|e| e == "cwasm")).unwrap()
    }

    #[test]
    fn what_another_host_removes_at_the_same_time_is_gone_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        for name in ["one.cwasm", "other.cwasm"] {
            std::fs::write(cache.folder.join(name), "code").unwrap();
        }
        let others = |_: &Metadata| {
            let all = std::fs::read_dir(&cache.folder).unwrap();
            all.for_each(|entry| std::fs::remove_file(entry.unwrap().path()).unwrap());
            true
        };
        cache.remove(others).unwrap();
        assert_eq!(std::fs::read_dir(&cache.folder).unwrap().count(), 0);
    }

    #[test]
    fn finds_what_it_kept_and_compiles_what_was_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::default();
        let cache = Cache::open(&folder.path().join("cache")).unwrap();
        assert!(!found(&cache, &engine, EMPTY));
        assert!(found(&cache, &engine, EMPTY));
        let code = entry(&cache.folder);
        let mut bytes = std::fs::read(&code).unwrap();
        bytes.truncate(bytes.len() / 2);
        std::fs::write(&code, bytes).unwrap();
        assert!(!found(&cache, &engine, EMPTY), "a damaged entry was used");
        assert!(found(&cache, &engine, EMPTY), "the entry was not repaired");
    }

    #[test]
    fn what_nobody_used_for_long_is_removed_at_a_start() {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::default();
        found(&Cache::open(folder.path()).unwrap(), &engine, EMPTY);
        let code = entry(folder.path());
        let grow_old = |days: u64| {
            for path in [code.clone(), code.with_extension("sha256")] {
                let long_ago = SystemTime::now() - Duration::from_secs(days * 24 * 60 * 60);
                File::options().write(true).open(path).unwrap().set_modified(long_ago).unwrap();
            }
        };
        grow_old(29);
        assert!(found(&Cache::open(folder.path()).unwrap(), &engine, EMPTY));
        grow_old(2);
        assert!(found(&Cache::open(folder.path()).unwrap(), &engine, EMPTY), "it was used meanwhile");
        grow_old(31);
        let cache = Cache::open(folder.path()).unwrap();
        assert!(!code.exists() && !code.with_extension("sha256").exists());
        assert!(!found(&cache, &engine, EMPTY));
    }

    #[cfg(unix)]
    mod rights {
        use std::os::unix::fs::{PermissionsExt, symlink};

        use super::*;

        fn allow(path: &Path, mode: u32) {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        }

        fn mode(path: &Path) -> u32 {
            std::fs::metadata(path).unwrap().permissions().mode() & 0o777
        }

        #[test]
        fn a_folder_that_others_could_write_is_taken_from_them_at_every_start_and_emptied() {
            let folder = tempfile::tempdir().unwrap();
            let engine = Engine::default();
            found(&Cache::open(folder.path()).unwrap(), &engine, EMPTY);
            for (rights, kept) in [(0o755, true), (0o777, false), (0o770, false), (0o700, true)] {
                allow(folder.path(), rights);
                let cache = Cache::open(folder.path()).unwrap();
                assert_eq!(mode(folder.path()), 0o700);
                assert_eq!(found(&cache, &engine, EMPTY), kept, "{rights:o}");
            }
        }

        /// Where a test may give files away, which is what root may.
        #[test]
        fn what_belongs_to_somebody_else_is_not_used() {
            let folder = tempfile::tempdir().unwrap();
            let engine = Engine::default();
            let volume = folder.path().join("volume");
            std::fs::create_dir(&volume).unwrap();
            if std::os::unix::fs::chown(&volume, Some(12345), None).is_err() {
                return;
            }
            let cache = Cache::open(&volume).unwrap();
            assert_eq!((cache.folder.parent().unwrap(), mode(&cache.folder)), (&*volume, 0o700));
            found(&cache, &engine, EMPTY);
            std::os::unix::fs::chown(entry(&cache.folder), Some(12345), None).unwrap();
            assert!(!found(&cache, &engine, EMPTY));
            std::os::unix::fs::chown(&cache.folder, Some(12345), None).unwrap();
            assert!(Cache::open(&volume).is_err(), "a folder that only has our name was used");
        }

        #[test]
        fn a_file_that_others_could_write_is_compiled_again_and_replaced() {
            let folder = tempfile::tempdir().unwrap();
            let engine = Engine::default();
            let cache = Cache::open(folder.path()).unwrap();
            found(&cache, &engine, EMPTY);
            let code = entry(folder.path());
            for path in [code.clone(), code.with_extension("sha256")] {
                allow(&path, 0o666);
                assert!(!found(&cache, &engine, EMPTY), "{path:?}");
                assert_eq!(mode(&path), 0o600);
                assert!(found(&cache, &engine, EMPTY));
            }
        }

        #[test]
        fn no_link_is_followed() {
            let folder = tempfile::tempdir().unwrap();
            let engine = Engine::default();
            let cache = Cache::open(&folder.path().join("cache")).unwrap();
            found(&cache, &engine, EMPTY);
            let (code, elsewhere) = (entry(&cache.folder), folder.path().join("elsewhere"));
            std::fs::rename(&code, &elsewhere).unwrap();
            symlink(&elsewhere, &code).unwrap();
            assert!(!found(&cache, &engine, EMPTY));
            assert!(std::fs::symlink_metadata(&code).unwrap().is_file(), "the link is still there");
            std::fs::rename(&code, &elsewhere).unwrap();
            std::fs::create_dir(&code).unwrap();
            assert!(!found(&cache, &engine, EMPTY), "a folder is no file");

            let link = folder.path().join("link");
            symlink(&cache.folder, &link).unwrap();
            let refused = Cache::open(&link).err().unwrap().to_string();
            assert!(refused.contains("link") && refused.contains("is not a folder"), "{refused}");
        }
    }
}
