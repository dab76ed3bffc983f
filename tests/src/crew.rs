//! A service and the workers behind it, each a process of its own, on one Redis and one simulator that outlive them all:
//! what crash tests break.
//!
//! Every image is a picture of its own, so that the simulator's bills tell what was paid for each.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, ensure};
use sha2::{Digest, Sha256};

use crate::client::{Client, Upload, text};
use crate::process::Process;
use crate::product::{Setup, launch, start};
use crate::proxy::Proxy;
use crate::redis::Redis;
use crate::sim::Sim;
use crate::{Product, photo};

/// How long a file is held without a sign of life: short, so that the work of the dead is soon taken up.
pub const LEASE: Duration = Duration::from_secs(3);

/// Flags of every Redis: nothing is answered before it is on disk, and replicas are served at once.
pub const REDIS: [&str; 4] = ["--appendfsync", "always", "--repl-diskless-sync-delay", "0"];

/// A job that was taken in.
pub struct Job {
    /// Its id.
    pub id: String,
    /// SHA-256 in hex of its images, in their order.
    pub images: Vec<String>,
}

/// The whole of it.
pub struct Crew {
    /// What models are made at, and what it billed.
    pub sim: Sim,
    /// The Redis that all share; reached through the proxy.
    pub redis: Redis,
    /// What stands in front of it.
    pub line: Proxy,
    /// Every job that was taken in.
    pub jobs: Vec<Job>,
    service: Process,
    url: String,
    workers: BTreeMap<usize, Process>,
    environment: Vec<(String, String)>,
    data: tempfile::TempDir,
    photograph: Vec<u8>,
    taken: usize,
}

impl Crew {
    /// Starts a service without workers. `change` sets variables of every process.
    ///
    /// # Errors
    /// When a part does not become ready.
    pub async fn start(change: impl FnOnce(Setup) -> Setup) -> anyhow::Result<Self> {
        let sim = Sim::start_with(&["--speed", "40", "--concurrency", "100"])?;
        let (redis, data) = (Redis::start_with(&REDIS)?, tempfile::tempdir()?);
        let line = Proxy::start(redis.port()).await?;
        let setup = Product::setup()
            .with_sim(&sim)
            .with("REDIS_URL", format!("redis://127.0.0.1:{}", line.port()))
            .with("TOKEN_SECRET", "the-token-secret-of-the-crew")
            .with("BLOB_TOKEN", "the-blob-token-of-the-crew")
            .with("LEASE_SECONDS", LEASE.as_secs().to_string())
            .with("FAL_SUBMIT_TIMEOUT_SECONDS", "5")
            .with("FAL_PAUSE_SECONDS", "2")
            .with("MAX_CONCURRENT_TASKS", "24")
            .with("MAX_STARTS_PER_MINUTE", "100000")
            .with("LOG_STORE_MAX_ENTRIES", "0");
        let environment = change(setup).environment;
        let (service, url) = launch("serve", &environment, data.path(), "127.0.0.1:0")?;
        Ok(Self {
            sim,
            redis,
            line,
            jobs: Vec::new(),
            service,
            url,
            workers: BTreeMap::new(),
            environment,
            data,
            photograph: photo::jpeg(96, 72, 1)?,
            taken: 0,
        })
    }

    /// A client of the service.
    ///
    /// # Errors
    /// When none can be made.
    pub fn client(&self) -> anyhow::Result<Client> {
        Client::new(&self.url, None)
    }

    /// Starts a worker in place of whoever was there, with variables of its own; does not wait until it works.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn work(&mut self, place: usize, more: &[(&str, &str)]) -> anyhow::Result<()> {
        let mut environment = self.environment.clone();
        environment.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let process = start("worker", &environment, self.data.path(), "127.0.0.1:0")?;
        self.workers.insert(place, process);
        Ok(())
    }

    /// Starts another part beside them, with variables of its own; answers where it is ready.
    ///
    /// # Errors
    /// When it does not become ready.
    pub fn beside(&self, part: &str, more: &[(&str, &str)]) -> anyhow::Result<(Process, String)> {
        let mut environment = self.environment.clone();
        environment.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        launch(part, &environment, self.data.path(), "127.0.0.1:0")
    }

    /// Starts so many workers and waits until they work.
    ///
    /// # Errors
    /// When one does not become ready.
    pub fn staff(&mut self, count: usize) -> anyhow::Result<()> {
        (0..count).try_for_each(|place| self.work(place, &[]))?;
        (0..count).try_for_each(|place| self.worker(place)?.wait_for("ready: ").map(|_| ()))
    }

    /// The worker in that place.
    ///
    /// # Errors
    /// When there is none.
    pub fn worker(&mut self, place: usize) -> anyhow::Result<&mut Process> {
        self.workers.get_mut(&place).with_context(|| format!("no worker in place {place}"))
    }

    /// SIGKILL.
    ///
    /// # Errors
    /// When there is no worker in that place.
    pub fn kill(&mut self, place: usize) -> anyhow::Result<()> {
        self.worker(place)?.kill();
        Ok(())
    }

    /// Uploads one job of so many images.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn upload(&mut self, count: usize) -> anyhow::Result<&Job> {
        self.upload_as(count, "photo").await
    }

    /// The same, the images' names beginning with a marker of the simulator.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn upload_as(&mut self, count: usize, name: &str) -> anyhow::Result<&Job> {
        let files: Vec<Upload> = (0..count).map(|_| self.picture(name)).collect();
        let answer = self.client()?.upload(&files, &[("face_limit", "1000"), ("texture", "no")]).await?;
        let images = files.iter().map(|file| hex(&Sha256::digest(&file.bytes))).collect();
        self.jobs.push(Job { id: text(&answer, "job_id").to_owned(), images });
        self.jobs.last().context("a job was pushed")
    }

    /// Uploads so many images in jobs of five.
    ///
    /// # Errors
    /// When one is refused.
    pub async fn upload_many(&mut self, count: usize) -> anyhow::Result<()> {
        for _ in 0..count.div_ceil(5) {
            self.upload(5).await?;
        }
        Ok(())
    }

    /// Has models made until the workers know what FAL's history lists: before, a submit in doubt waits for two minutes.
    ///
    /// # Errors
    /// When that takes longer than `limit`.
    pub async fn until_history_is_known(&mut self, limit: Duration) -> anyhow::Result<()> {
        let started = std::time::Instant::now();
        loop {
            self.upload(4).await?;
            self.until_unfinished(0, limit).await?;
            let shown: Option<String> = self.redis.ask("GET fal:history").await?;
            if shown.is_some_and(|shown| shown.starts_with("all")) {
                return Ok(());
            }
            ensure!(started.elapsed() < limit, "the workers learn nothing of FAL's history:\n{}", self.said());
        }
    }

    /// How many images were taken in.
    #[must_use]
    pub fn images(&self) -> usize {
        self.jobs.iter().map(|job| job.images.len()).sum()
    }

    /// How many files have not ended.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn unfinished(&self) -> anyhow::Result<usize> {
        let mut connection = self.redis.connection().await?;
        let ended: Vec<Option<usize>> = redis::cmd("HMGET")
            .arg("counters")
            .arg(&["files_ended:completed", "files_ended:failed", "files_ended:cancelled"])
            .query_async(&mut connection)
            .await?;
        Ok(self.images().saturating_sub(ended.into_iter().flatten().sum()))
    }

    /// Waits until so many files or fewer have not ended.
    ///
    /// # Errors
    /// When that takes longer than `limit`; what the workers said last is in the error.
    pub async fn until_unfinished(&mut self, most: usize, limit: Duration) -> anyhow::Result<()> {
        let started = std::time::Instant::now();
        loop {
            // Redis may be away while a test breaks it.
            let left = self.unfinished().await.unwrap_or(usize::MAX);
            if left <= most {
                return Ok(());
            }
            ensure!(started.elapsed() < limit, "{left} files have not ended:\n{}", self.said());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// The end of what every process said.
    pub fn said(&mut self) -> String {
        let service = std::iter::once(("service".to_owned(), &mut self.service));
        let workers = self.workers.iter_mut().map(|(place, worker)| (format!("worker {place}"), worker));
        let mut said = String::new();
        for (name, process) in service.chain(workers) {
            let text = process.said();
            let lines: Vec<&str> = text.lines().collect();
            let last = lines.get(lines.len().saturating_sub(40)..).unwrap_or_default().join("\n");
            said.push_str(&format!("--- {name}\n{last}\n"));
        }
        said
    }

    /// A photograph that no other image is: its comment is its own.
    fn picture(&mut self, name: &str) -> Upload {
        self.taken += 1;
        let comment = format!("image {}", self.taken);
        let length = u16::try_from(comment.len() + 2).unwrap_or(u16::MAX).to_be_bytes();
        let (start, rest) = self.photograph.split_at(2);
        let bytes = [start, &[0xff, 0xfe], &length, comment.as_bytes(), rest].concat();
        Upload::new(&format!("{name}-{}.jpg", self.taken), bytes)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
