//! A Redis, the streams over it, and a worker's hand to make things happen to jobs.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use image2model_domain::commands::{Claim, Complete, CreateJob, Fail, Holding, Log, NewFile, Progress, StepOutcome};
use image2model_domain::queue::Priority;
use image2model_domain::{FileId, FileStatus, JobId};
use image2model_host::redis::{ChildRedis, Store, Tail};
use image2model_host::stream::{Authorizer, Level, Limits, StreamDeps, StreamFacts, Streams, Verdict};
use redis::streams::StreamRangeReply;
use tokio::net::{TcpListener, TcpSocket};
use tokio_util::sync::CancellationToken;

/// Lets everybody in under the caller's name in `authorization`, refuses the name `nobody`, knows no job for the name
/// `stranger`, and remembers what it was asked.
#[derive(Default)]
pub struct Guard {
    pub asked: Mutex<Vec<StreamFacts>>,
}

#[async_trait]
impl Authorizer for Guard {
    async fn check(&self, facts: StreamFacts) -> Verdict {
        let headers = vec![("x-frame-options".to_owned(), "DENY".to_owned())];
        let caller = facts.authorization.clone().unwrap_or_else(|| "anonymous".to_owned());
        let asked_for = facts.clone();
        self.asked.lock().unwrap().push(facts);
        if caller == "nobody" {
            let problem = Some(("ACCESS_DENIED".to_owned(), "Access denied".to_owned()));
            return Verdict::Answer { status: 403, headers, problem };
        }
        if caller == "stranger" && asked_for.level == Level::Owner {
            let problem = Some(("JOB_NOT_FOUND".to_owned(), "Job not found".to_owned()));
            return Verdict::Answer { status: 404, headers, problem };
        }
        let client_address = asked_for.client_address;
        Verdict::Pass { caller, client_address, headers }
    }
}

/// With so many reactors to carry the streams.
pub struct World<const REACTORS: usize> {
    pub store: Store,
    pub streams: Streams,
    pub guard: Arc<Guard>,
    pub addr: SocketAddr,
    pub shutdown: CancellationToken,
    _tail: Option<Tail>,
    redis: Option<ChildRedis>,
    _folder: tempfile::TempDir,
}

impl<const REACTORS: usize> World<REACTORS> {
    pub async fn new() -> Self {
        Self::with(Limits::default(), true).await
    }

    pub async fn limited(limits: Limits) -> Self {
        Self::with(limits, true).await
    }

    /// Without `live`, nobody tells the hub what happens.
    pub async fn with(limits: Limits, live: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::on(listener, limits, live).await
    }

    /// Connections that hold little, so that a client which does not read is noticed after few events.
    pub async fn tight(limits: Limits) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_send_buffer_size(4096).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        Self::on(socket.listen(64).unwrap(), Limits { send_buffer: 4096, ..limits }, true).await
    }

    pub async fn on(listener: TcpListener, limits: Limits, live: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let redis = ChildRedis::start(folder.path()).await.unwrap();
        let store = Store::open(&redis.url()).unwrap();
        let guard = Arc::new(Guard::default());
        let limits = Limits { reactors: REACTORS, ..limits };
        let deps = StreamDeps { store: store.clone(), authorizer: guard.clone(), limits };
        let streams = Streams::new(deps);
        let tail = if live { Some(Tail::start(&store).await.unwrap()) } else { None };
        if let Some(tail) = &tail {
            let (fed, events) = (streams.clone(), tail.subscribe());
            tokio::spawn(async move { fed.follow(events).await });
        }
        let (addr, shutdown) = (listener.local_addr().unwrap(), CancellationToken::new());
        let (server, stop) = (streams.clone(), shutdown.clone());
        // More than any test opens.
        let connections = 11_000;
        tokio::spawn(async move { server.serve(listener, None, connections, stop, Duration::from_secs(2)).await });
        Self { store, streams, guard, addr, shutdown, _tail: tail, redis: Some(redis), _folder: folder }
    }

    pub async fn stop_redis(&mut self) {
        self.redis.take().unwrap().stop().await;
    }

    /// A job of so many files.
    pub async fn job(&self, files: usize) -> JobId {
        let job = JobId::from_random(rand::random());
        let file = |i: usize| NewFile {
            id: FileId::from_random(rand::random()),
            filename: format!("{i}.jpg"),
            size: 9,
            content_type: "image/jpeg".to_owned(),
            width: 64,
            height: 64,
            blob: "b".to_owned(),
        };
        let create = CreateJob {
            job: job.clone(),
            tenant: "anonymous".to_owned(),
            owner: String::new(),
            ttl_seconds: 600,
            idempotency: None,
            max_waiting: 1000,
            max_attempts: 3,
            epoch: hex::encode(rand::random::<[u8; 4]>()),
            request_id: "r".to_owned(),
            traceparent: String::new(),
            options: "{}".to_owned(),
            model: "tripo3d".to_owned(),
            process: true,
            priority: Priority::default(),
            webhook: None,
            files: (0..files).map(file).collect(),
        };
        self.store.run(&create).await.unwrap();
        job
    }

    /// Everything that waits, taken up.
    pub async fn claim(&self) -> Vec<Holding> {
        let claim = Claim {
            worker: "w".to_owned(),
            lease_ms: 600_000,
            max_running: 1000,
            max_running_per_tenant: 1000,
            window_size: 1000,
            window_ms: 1,
            wanted: 100,
        };
        self.store.run(&claim).await.unwrap().files.into_iter().map(|file| file.holding).collect()
    }

    /// A job with all its files taken up.
    pub async fn running(&self, files: usize) -> (JobId, Vec<Holding>) {
        let job = self.job(files).await;
        let held: Vec<Holding> = self.claim().await.into_iter().filter(|holding| holding.job == job).collect();
        assert_eq!(held.len(), files);
        (job, held)
    }

    pub async fn progress(&self, holding: &Holding, percent: u8) {
        let message = format!("{percent} percent");
        let step = Progress {
            holding,
            lease_ms: 600_000,
            status: FileStatus::Processing,
            percent,
            message: &message,
            queue_position: None,
        };
        assert_eq!(self.store.run(&step).await.unwrap(), StepOutcome::Done);
    }

    /// A line of its own, also when the words are the same: one that comes again is not passed on.
    pub async fn log(&self, holding: &Holding, message: &str) {
        static LINES: AtomicU64 = AtomicU64::new(0);
        let timestamp = LINES.fetch_add(1, Ordering::Relaxed).to_string();
        let step = Log { holding, level: "INFO", message, timestamp: &timestamp };
        assert_eq!(self.store.run(&step).await.unwrap(), StepOutcome::Done);
    }

    pub async fn complete(&self, holding: &Holding) {
        let fields = vec![("model_url", "https://v3.fal.media/m.glb".to_owned())];
        self.store.run(&Complete { holding, fields, cost_micro_usd: 0 }).await.unwrap();
    }

    pub async fn fail(&self, holding: &Holding) {
        let step = Fail {
            holding,
            code: "PROVIDER_ERROR",
            message: "no",
            retryable: true,
            retry_in_ms: None,
            resolved: true,
            resubmit: false,
            cost_micro_usd: 0,
        };
        self.store.run(&step).await.unwrap();
    }

    /// A job that ran its whole course: two files, one of which failed.
    pub async fn finished(&self) -> JobId {
        let (job, held) = self.running(2).await;
        for percent in [10, 40, 80] {
            self.progress(&held[0], percent).await;
            self.log(&held[1], &format!("line {percent}")).await;
        }
        self.complete(&held[0]).await;
        self.fail(&held[1]).await;
        job
    }

    /// What Redis keeps: the ids that a listener of the plain form may see, in order.
    pub async fn kept(&self, job: &JobId) -> Vec<String> {
        let mut command = redis::cmd("XRANGE");
        command.arg(self.store.keys().job_events(job)).arg("-").arg("+");
        let reply: StreamRangeReply = self.store.query(&command).await.unwrap();
        let epoch = self.epoch(job).await;
        reply.ids.iter().map(|entry| format!("{epoch}-{}", entry.id)).collect()
    }

    pub async fn epoch(&self, job: &JobId) -> String {
        let look = image2model_domain::commands::ReadJob(job);
        self.store.run(&look).await.unwrap().unwrap().epoch
    }

    pub async fn trim(&self, job: &JobId, keep: usize) {
        let mut command = redis::cmd("XTRIM");
        command.arg(self.store.keys().job_events(job)).arg("MAXLEN").arg("=").arg(keep);
        let _: usize = self.store.query(&command).await.unwrap();
    }

    /// Until nobody streams.
    pub async fn until_open(&self, open: u64) {
        let wait = async {
            while self.streams.stats().open != open {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(super::client::PATIENCE, wait).await.unwrap();
    }
}

pub fn plain(job: &JobId) -> String {
    format!("/api/v1/status/stream/{job}")
}

pub fn task(job: &JobId) -> String {
    format!("/api/v1/status/tasks/{}/stream", job.as_task_id())
}
