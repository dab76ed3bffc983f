//! Worker processes as an operator runs them, on a Redis and a simulator that outlive them, with models that never end
//! until they are cancelled.

use std::time::{Duration, Instant};

use anyhow::ensure;
use bytes::Bytes;
use image2model_domain::commands::{CancelJob, CreateJob, SetTenant};
use image2model_host::blobs::{BlobKey, Blobs};
use image2model_host::redis::Store;
use image2model_tests::product::Setup;
use image2model_tests::redis::Redis;
use image2model_tests::sim::Sim;
use image2model_tests::{Product, photo};

use crate::backlog;

const TENANT: &str = "tenant";
const FILES_PER_JOB: usize = 25;
/// The simulator's marker of a model that is made until it is cancelled.
const ENDLESS: &str = "sim-slow.jpg";
const PATIENCE: Duration = Duration::from_secs(180);

/// Everything but the workers.
pub struct Site {
    pub sim: Sim,
    pub data: tempfile::TempDir,
    redis: Redis,
    store: Store,
    blobs: Blobs,
    photograph: Bytes,
    jobs: Vec<CreateJob>,
}

impl Site {
    /// With nothing in line. One tenant may have all of `at_once` files running, and FAL makes them all at a time.
    pub async fn start(at_once: u32) -> anyhow::Result<Self> {
        let sim = Sim::start_with(&["--concurrency", &at_once.to_string()])?;
        let (redis, data) = (Redis::start()?, tempfile::tempdir()?);
        let store = Store::open(&redis.url())?;
        store.run(&SetTenant { tenant: TENANT, weight: 1.0, cap: Some(at_once) }).await?;
        let blobs = Blobs::local(&data.path().join("uploads"), &data.path().join("results"))?;
        let photograph = photo::jpeg(640, 480, 1)?.into();
        Ok(Self { sim, data, redis, store, blobs, photograph, jobs: Vec::new() })
    }

    /// What its workers are started with: the product's defaults, but for as many files at once as are wanted.
    pub fn setup(&self, at_once: u32) -> Setup {
        Product::setup()
            .with_sim(&self.sim)
            .with("REDIS_URL", self.redis.url())
            .with("MAX_CONCURRENT_TASKS", at_once.to_string())
            .with("MAX_STARTS_PER_MINUTE", "100000")
    }

    /// Puts so many more files in line.
    pub async fn add(&mut self, files: usize) -> anyhow::Result<()> {
        for first in (0..files).step_by(FILES_PER_JOB) {
            let job = backlog::job(TENANT, FILES_PER_JOB.min(files - first), ENDLESS);
            let key = BlobKey::parse(&backlog::image_of(&job.job))?;
            let body = futures::stream::iter([Ok::<_, std::io::Error>(self.photograph.clone())]);
            self.blobs.put(&key, self.photograph.len() as u64, body).await?;
            backlog::put(&self.store, [job.clone()]).await?;
            self.jobs.push(job);
        }
        Ok(())
    }

    /// Waits until every file has its request at FAL, recorded.
    pub async fn under_way(&self) -> anyhow::Result<()> {
        self.wait_until("every file to have a request", async || {
            let mut connection = self.redis.connection().await?;
            let keys = self.store.keys();
            let mut asked = redis::pipe();
            for job in &self.jobs {
                for file in &job.files {
                    asked.hexists(keys.file(&job.job, &file.id), "fal_request_id");
                }
            }
            let bound: Vec<bool> = asked.query_async(&mut connection).await?;
            Ok(bound.into_iter().all(|bound| bound))
        })
        .await
    }

    /// Has everything cancelled, and waits until no file is held any more.
    pub async fn cancel(&self) -> anyhow::Result<()> {
        for job in &self.jobs {
            self.store.run(&CancelJob(&job.job)).await?;
        }
        self.wait_until("every file to end", async || {
            let running: u64 = self.store.query(redis::cmd("ZCARD").arg(self.store.keys().queue_running())).await?;
            Ok(running == 0)
        })
        .await
    }

    async fn wait_until(&self, what: &str, reached: impl AsyncFn() -> anyhow::Result<bool>) -> anyhow::Result<()> {
        let started = Instant::now();
        while !reached().await? {
            ensure!(started.elapsed() < PATIENCE, "waited in vain for {what}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    }
}
