//! A Redis with a job in it, and the steps that workers take.

use image2model_domain::commands::{
    Cancelled, Claim, Complete, CreateJob, CreateOutcome, Fail, GenerateFile, GenerateOutcome, Holding, NewFile,
    Progress, ReadJob, RetryFiles, RetryOutcome,
};
use image2model_domain::queue::Priority;
use image2model_domain::record::JobRecord;
use image2model_domain::script::Command;
use image2model_domain::{FileId, FileStatus, JobId};
use serde_json::Value;

use crate::redis_server::RedisServer;

const LEASE: u32 = 3_600_000;

pub struct Scene {
    pub redis: RedisServer,
    /// Milliseconds since 1970.
    pub now: i64,
    /// Ids handed out so far.
    ids: u128,
}

impl Scene {
    pub fn start() -> Self {
        let mut redis = RedisServer::start();
        redis.set_identity("one");
        Self { redis, now: 1_800_000_000_000, ids: 0 }
    }

    pub fn run<C: Command>(&mut self, command: &C) -> C::Reply {
        self.redis.set_clock(self.now);
        self.redis.run(command)
    }

    fn bytes(&mut self) -> [u8; 16] {
        self.ids += 1;
        self.ids.to_be_bytes()
    }

    /// An upload of photographs with these names.
    pub fn upload(&mut self, names: &[&str]) -> CreateJob {
        let file = |name: &&str| NewFile {
            id: FileId::from_random(self.bytes()),
            filename: (*name).to_owned(),
            size: 10,
            content_type: "image/png".to_owned(),
            width: 8,
            height: 8,
            blob: "b".to_owned(),
        };
        let files = names.iter().map(file).collect();
        CreateJob {
            job: JobId::from_random(self.bytes()),
            tenant: "t".to_owned(),
            owner: String::new(),
            ttl_seconds: 3600,
            idempotency: None,
            max_waiting: 1000,
            max_attempts: 2,
            epoch: "e".to_owned(),
            request_id: "r".to_owned(),
            traceparent: String::new(),
            options: "{}".to_owned(),
            model: "m".to_owned(),
            process: true,
            priority: Priority::Normal,
            webhook: None,
            files,
        }
    }

    pub fn create(&mut self, names: &[&str]) -> JobId {
        let upload = self.upload(names);
        assert_eq!(self.run(&upload).outcome, CreateOutcome::Created);
        upload.job
    }

    /// A job of so many files, all of them in hand, in their order.
    pub fn running(&mut self, files: usize) -> (JobId, Vec<Holding>) {
        let job = self.create(&vec!["a.png"; files]);
        (job, self.claim())
    }

    /// All that waits, taken up.
    pub fn claim(&mut self) -> Vec<Holding> {
        let claim = Claim {
            worker: "w".to_owned(),
            lease_ms: LEASE,
            max_running: 1000,
            max_running_per_tenant: 1000,
            window_size: 1000,
            window_ms: 1000,
            wanted: 100,
        };
        self.run(&claim).files.into_iter().map(|file| file.holding).collect()
    }

    pub fn progress(&mut self, holding: &Holding, percent: u8, queue_position: Option<u32>) {
        let status = if queue_position.is_some() { FileStatus::QueuedAtProvider } else { FileStatus::Processing };
        self.run(&Progress { holding, lease_ms: LEASE, status, percent, message: "Under way", queue_position });
    }

    pub fn complete(&mut self, holding: &Holding) {
        let fields = vec![("model_url", "https://fal/m.glb".to_owned())];
        self.run(&Complete { holding, fields, cost_micro_usd: 0 });
    }

    pub fn fail(&mut self, holding: &Holding) {
        self.fail_with(holding, None);
    }

    /// With another attempt to come, after this pause.
    pub fn fail_with(&mut self, holding: &Holding, retry_in_ms: Option<u32>) {
        let (code, message, retryable) = ("PROVIDER_ERROR", "no", true);
        let (resolved, resubmit, cost_micro_usd) = (true, false, 0);
        self.run(&Fail { holding, code, message, retryable, retry_in_ms, resolved, resubmit, cost_micro_usd });
    }

    /// A worker has stopped it.
    pub fn stop(&mut self, holding: &Holding) {
        self.run(&Cancelled { holding, leave_request: false });
    }

    pub fn retry(&mut self, job: &JobId) -> RetryOutcome {
        let request_id = format!("q{}", self.bytes()[15]);
        self.run(&RetryFiles { job, files: None, max_waiting: None, request_id: &request_id })
    }

    pub fn generate(&mut self, job: &JobId, file: &FileId) -> GenerateOutcome {
        let new_file = FileId::from_random(self.bytes());
        let request_id = format!("q{}", self.bytes()[15]);
        let generate = GenerateFile {
            job,
            caller: "t",
            file,
            new_file: &new_file,
            options: "{}",
            model: "m",
            max_waiting: 1000,
            max_files: 6,
            webhook: None,
            idempotency: None,
            request_id: &request_id,
            traceparent: "",
            priority: Priority::Normal,
        };
        self.run(&generate)
    }

    pub fn job(&mut self, job: &JobId) -> JobRecord {
        self.run(&ReadJob(job)).expect("the job is gone")
    }

    /// Its events, oldest first.
    pub fn events(&mut self, job: &JobId) -> Vec<Value> {
        let key = self.redis.keys().job_events(job);
        let stream: redis::streams::StreamRangeReply = self.redis.query(&["XRANGE", &key, "-", "+"]);
        let data = stream.ids.iter().map(|entry| entry.get::<String>("data").unwrap());
        data.map(|data| serde_json::from_str(&data).unwrap()).collect()
    }

    /// Whatever is noted for removal, in words.
    pub fn noted_for_removal(&mut self) -> Vec<String> {
        let key = self.redis.keys().blobs_to_remove();
        self.redis.query(&["ZRANGE", &key, "0", "-1"])
    }
}
