//! What every test needs: the parts, a job in the queue, and ways to wait for what becomes of it.

mod blobs;
mod provider;
pub mod steps;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use fal_sim::{Armed, Call, Kind, RequestReport, Running, Simulator, When};
use image2model_domain::commands::{CreateJob, CreateOutcome, NewFile, QueueStates, ReadJob, ReadQueues};
use image2model_domain::queue::{Priority, Queue};
use image2model_domain::record::{FileRecord, JobRecord};
use image2model_domain::{FileId, JobId, JobStatus};
use image2model_host::fal::{FalClient, FalConfig};
use image2model_host::redis::Store;
use image2model_host::worker::{Providers, Worker, WorkerConfig, WorkerDeps};
use image2model_processes::RedisServer;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use blobs::MemoryBlobs;
use provider::Tripo;

/// The key of the simulator.
pub const KEY: &str = "test-id:test-secret";
/// Nothing is answered before it is on disk.
pub const SYNCED: [&str; 2] = ["--appendfsync", "always"];
/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// One Redis, one simulator, one blob store.
pub struct Parts {
    pub redis: RedisServer,
    pub sim: Running,
    pub blobs: Arc<MemoryBlobs>,
    pub store: Store,
    pub tripo: Arc<Tripo>,
}

/// A worker at work.
pub struct AtWork {
    pub worker: Worker,
    pub shutdown: CancellationToken,
    pub task: JoinHandle<()>,
}

impl Parts {
    /// Starts everything but a worker. Models take about half a second.
    pub async fn start() -> Result<Self> {
        Self::start_with(|_| {}).await
    }

    /// The same with a simulator of one's own.
    pub async fn start_with(change: impl FnOnce(&mut fal_sim::Config)) -> Result<Self> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut config = fal_sim::Config {
            speed: 20.0,
            queue_wait: Duration::ZERO..=Duration::from_secs(2),
            run_time: Duration::from_secs(6)..=Duration::from_secs(12),
            ..fal_sim::Config::with_key(KEY)?
        };
        change(&mut config);
        let sim = Simulator::start(config).await?;
        let redis = RedisServer::start(&SYNCED)?;
        let store = Store::open(&redis.url())?;
        Ok(Self { redis, sim, store, blobs: Arc::default(), tripo: Arc::default() })
    }

    /// Settings that suit tests: quick polls, short leases.
    pub fn worker_config(&self, id: &str) -> WorkerConfig {
        WorkerConfig {
            lease: Duration::from_millis(1500),
            longest_idle: Duration::from_millis(200),
            poll_quick: Duration::from_millis(50),
            poll_slow: Duration::from_millis(100),
            retry_first: Duration::from_millis(100),
            retry_longest: Duration::from_millis(500),
            reconcile_for: Duration::from_secs(1),
            history_slack: Duration::from_millis(200),
            breaker_pause: Duration::from_millis(500),
            grace: Duration::from_secs(5),
            pace: 20.0,
            ..WorkerConfig::new(id, "test")
        }
    }

    /// Starts a worker with test settings.
    pub fn work(&self) -> Result<AtWork> {
        self.work_as(self.worker_config("w1"))
    }

    /// Starts a worker.
    pub fn work_as(&self, config: WorkerConfig) -> Result<AtWork> {
        self.work_with(config, |_| {})
    }

    /// Starts a worker that reaches FAL in a way of its own.
    pub fn work_with(&self, config: WorkerConfig, change: impl FnOnce(&mut FalConfig)) -> Result<AtWork> {
        let mut fal = FalConfig::simulator(&self.sim.base_url(), KEY.into());
        fal.submit_timeout = Duration::from_secs(5);
        change(&mut fal);
        let worker = Worker::new(WorkerDeps {
            store: Store::open(&self.redis.url())?.with_replicas(self.store.replicas()),
            blobs: self.blobs.clone(),
            providers: Providers::default().with("tripo3d", self.tripo.clone()),
            fal: FalClient::new(fal)?,
            wake: Arc::new(Notify::new()),
            config,
        });
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(worker.clone().run(shutdown.clone()));
        Ok(AtWork { worker, shutdown, task })
    }

    /// Uploads images of these names as one job. Names may carry the simulator's scenarios.
    pub async fn upload(&self, names: &[&str]) -> Result<JobId> {
        let create = self.stored(names)?;
        let created = self.store.run(&create).await?;
        ensure!(created.outcome == CreateOutcome::Created, "{created:?}");
        Ok(create.job)
    }

    /// Stores images of these names; answers the command that makes them a job.
    pub fn stored(&self, names: &[&str]) -> Result<CreateJob> {
        let job = JobId::from_random(rand::random());
        let mut files = Vec::new();
        for name in names {
            let id = FileId::from_random(rand::random());
            let image = picture()?;
            let blob = format!("uploads/{job}/{id}_original.png");
            files.push(NewFile {
                id,
                filename: (*name).to_owned(),
                size: image.len() as u64,
                content_type: "image/png".to_owned(),
                width: 64,
                height: 48,
                blob: blob.clone(),
            });
            self.blobs.put(&blob, image);
        }
        Ok(CreateJob {
            job,
            tenant: "t".to_owned(),
            owner: String::new(),
            ttl_seconds: 3600,
            idempotency: None,
            max_waiting: 100,
            max_attempts: 3,
            epoch: "e".to_owned(),
            request_id: "r".to_owned(),
            traceparent: String::new(),
            options: r#"{"face_limit":1000}"#.to_owned(),
            model: "tripo3d".to_owned(),
            process: true,
            priority: Priority::default(),
            webhook: None,
            files,
        })
    }

    /// The job as it stands.
    pub async fn job(&self, job: &JobId) -> Result<JobRecord> {
        self.store.run(&ReadJob(job)).await?.context("the job is gone")
    }

    /// Waits until the job has ended.
    pub async fn ended(&self, job: &JobId) -> Result<JobRecord> {
        self.when(job, |job| job.status.is_terminal()).await
    }

    /// Runs one file of this name to its good end; answers how many requests that took.
    pub async fn completes(&self, name: &str) -> Result<usize> {
        let worker = self.work()?;
        let id = self.upload(&[name]).await?;
        self.completed(&id).await?;
        self.assert_at_rest().await?;
        worker.stop().await?;
        Ok(self.requests().len())
    }

    /// Waits until the job has ended, and it has to have completed.
    pub async fn completed(&self, job: &JobId) -> Result<JobRecord> {
        let record = self.ended(job).await?;
        assert_eq!(record.status, JobStatus::Completed, "{record:#?}");
        Ok(record)
    }

    /// Waits until the job's first file is as wanted.
    pub async fn file(&self, job: &JobId, wanted: impl Fn(&FileRecord) -> bool) -> Result<JobRecord> {
        self.when(job, |job| job.files.first().is_some_and(&wanted)).await
    }

    /// Waits until the job is as wanted.
    pub async fn when(&self, job: &JobId, wanted: impl Fn(&JobRecord) -> bool) -> Result<JobRecord> {
        let started = tokio::time::Instant::now();
        loop {
            // Redis may be away meanwhile: that is some tests' point.
            if let Ok(Some(record)) = self.store.run(&ReadJob(job)).await {
                if wanted(&record) {
                    return Ok(record);
                }
                ensure!(started.elapsed() < PATIENCE, "it did not come to pass: {record:#?}");
            }
            ensure!(started.elapsed() < PATIENCE, "Redis did not answer");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the queues stand as wanted.
    pub async fn when_queues(&self, wanted: impl Fn(&QueueStates) -> bool) -> Result<()> {
        let started = tokio::time::Instant::now();
        loop {
            let states = self.store.run(&ReadQueues).await?;
            if wanted(&states) {
                return Ok(());
            }
            ensure!(started.elapsed() < PATIENCE, "it did not come to pass: {states:#?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// One of the counters.
    pub async fn counted(&self, name: &str) -> Result<u64> {
        let mut command = redis::cmd("HGET");
        command.arg(self.store.keys().counters()).arg(name);
        Ok(self.store.query::<Option<u64>>(&command).await?.unwrap_or_default())
    }

    /// Every event of the job, oldest first.
    pub async fn events(&self, job: &JobId) -> Result<Vec<serde_json::Value>> {
        let mut command = redis::cmd("XRANGE");
        command.arg(self.store.keys().job_events(job)).arg("-").arg("+");
        let reply: redis::streams::StreamRangeReply = self.store.query(&command).await?;
        let data = |entry: &redis::streams::StreamId| entry.get::<String>("data").unwrap_or_default();
        reply.ids.iter().map(|entry| Ok(serde_json::from_str(&data(entry))?)).collect()
    }

    /// Disturbs the next `times` calls of a kind.
    pub fn disturb(&self, call: Call, kind: Kind, when: When, times: u32) {
        assert!(self.sim.arm(Armed::new(call, kind, when, times)));
    }

    /// What the simulator accepted.
    pub fn requests(&self) -> Vec<RequestReport> {
        self.sim.requests()
    }

    /// Nothing is leased, counted or waiting any more.
    pub async fn assert_at_rest(&self) -> Result<()> {
        let keys = self.store.keys();
        let running: u64 = self.store.query(redis::cmd("ZCARD").arg(keys.queue_running())).await?;
        let delayed: u64 = self.store.query(redis::cmd("ZCARD").arg(keys.queue_delayed())).await?;
        ensure!((running, delayed) == (0, 0), "{running} {delayed}");
        for lane in Queue::LANES {
            let waiting: u64 = self.store.query(redis::cmd("ZCARD").arg(keys.queue_waiting(lane))).await?;
            ensure!(waiting == 0, "{waiting} files wait in {lane:?}");
        }
        Ok(())
    }
}

impl AtWork {
    /// Stops the worker properly.
    pub async fn stop(self) -> Result<()> {
        self.shutdown.cancel();
        Ok(tokio::time::timeout(Duration::from_secs(20), self.task).await??)
    }

    /// Stops it as a crash would.
    pub async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

/// Waits until it is so.
pub async fn until(so: impl Fn() -> bool) -> Result<()> {
    let watch = async {
        while !so() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, watch).await.context("it did not come to pass")
}

/// A real PNG with something in it.
fn picture() -> Result<Vec<u8>> {
    let image = image::RgbImage::from_fn(64, 48, |x, y| {
        let near = (x as f32 - 32.0).hypot(y as f32 - 24.0) < 16.0;
        if near { image::Rgb([220, 120, 40]) } else { image::Rgb([20, (x * 2) as u8, (y * 3) as u8]) }
    });
    let mut bytes = std::io::Cursor::new(Vec::new());
    image.write_to(&mut bytes, image::ImageFormat::Png)?;
    Ok(bytes.into_inner())
}
