//! What the product has kept: on disk and in Redis.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};

use crate::Product;

/// Keys that belong to one job, or to somebody's attempt at one.
const PREFIXES: [&str; 7] = ["job:", "jobs", "session:", "file:", "progress:", "idempotency:", "queue:waiting:"];

/// What there is of uploads.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Files and folders below the uploads' folder, by their names there.
    pub files: Vec<String>,
    /// Keys of jobs.
    pub keys: Vec<String>,
}

impl Product {
    /// The URL of its private Redis.
    ///
    /// # Errors
    /// When it has none.
    pub fn redis_url(&self) -> anyhow::Result<String> {
        let settings = std::fs::read_to_string(self.data().join("redis/redis.conf"))?;
        let value = |name: &str| settings.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let (port, password) = (value("port ").context("no port")?, value("requirepass ").context("no password")?);
        Ok(format!("redis://:{password}@127.0.0.1:{port}/0"))
    }

    /// A connection to its private Redis.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub async fn redis(&self) -> anyhow::Result<redis::aio::MultiplexedConnection> {
        Ok(redis::Client::open(self.redis_url()?)?.get_multiplexed_async_connection().await?)
    }

    /// Everything that is kept now.
    ///
    /// # Errors
    /// When Redis cannot be asked.
    pub async fn kept(&self) -> anyhow::Result<Kept> {
        let uploads = self.data().join("uploads");
        let mut files = Vec::new();
        list(&uploads, &uploads, &mut files);
        let mut keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut self.redis().await?).await?;
        keys.retain(|key| PREFIXES.iter().any(|prefix| key.starts_with(prefix)));
        keys.sort();
        Ok(Kept { files, keys })
    }

    /// Waits until nothing is kept any more.
    ///
    /// # Errors
    /// When something still is after half a minute.
    pub async fn keeps_nothing(&self) -> anyhow::Result<()> {
        for _ in 0..300 {
            if self.kept().await? == Kept::default() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!("something is kept: {:?}", self.kept().await?)
    }
}

/// What lies in a folder of blobs. Its mark, whose name begins with a dot, is none of them.
pub fn stored_in(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let paths = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    paths.filter(|path| !path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")))
}

fn list(folder: &Path, root: &Path, found: &mut Vec<String>) {
    for path in stored_in(folder) {
        found.push(path.strip_prefix(root).unwrap_or(&path).display().to_string());
        if path.is_dir() {
            list(&path, root, found);
        }
    }
}
