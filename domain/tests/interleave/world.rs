//! One seed: a Redis, a FAL, some workers, a client and an operator, and chance that decides who acts next and what goes wrong.

use std::collections::BTreeMap;

use image2model_domain::commands::{
    CancelFile, CancelJob, CloseBreaker, CreateJob, DeleteJob, EraseJob, GenerateFile, NewFile, PauseQueue, ReadJob,
    RetryFiles, SetTenant,
};
use image2model_domain::queue::{Priority, Queue};
use image2model_domain::record::JobRecord;
use image2model_domain::script::Command;
use image2model_domain::{FileId, JobId};

use crate::dice::Dice;
use crate::fal::Fal;
use crate::promises;
use crate::redis_server::RedisServer;
use crate::worker::{At, LEASE, WINDOW, WINDOW_SIZE, Worker, breaker, short};

/// What chance decides while it reigns.
const CHAOS: u32 = 260;
/// Rounds in which everything must come to its end once nothing goes wrong any more.
const CALM: u32 = 3000;

pub struct World<'a> {
    redis: &'a mut RedisServer,
    pub fal: Fal,
    pub dice: Dice,
    /// Milliseconds since 1970, for everybody.
    pub now: i64,
    /// Policy: one new request after one that could not be found.
    pub resubmits: bool,
    pub jobs: Vec<JobId>,
    /// Submits that were let through: when, and for which file.
    gone: Vec<i64>,
    /// Redis lost its last writes at least once.
    pub failed_over: bool,
    calm: bool,
    identity: u32,
    trace: Vec<String>,
}

/// Plays a seed to its end and checks every promise; panics where one is broken.
pub fn play(seed: u64, redis: &mut RedisServer) {
    let mut dice = Dice::new(seed);
    redis.reset();
    let blind = dice.percent(20);
    let fal = Fal { blind, ..Fal::default() };
    let resubmits = dice.percent(50);
    let mut world = World {
        redis,
        fal,
        dice,
        now: 1_800_000_000_000,
        resubmits,
        jobs: Vec::new(),
        gone: Vec::new(),
        failed_over: false,
        calm: false,
        identity: 0,
        trace: Vec::new(),
    };
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| world.play()));
    if let Err(panic) = result {
        let last = world.trace.len().saturating_sub(400);
        eprintln!("seed {seed} broke a promise; what happened before:\n{}", world.trace[last..].join("\n"));
        eprintln!("again: INTERLEAVE_SEED={seed} cargo test -p image2model-domain --test interleave");
        std::panic::resume_unwind(panic);
    }
}

impl World<'_> {
    /// A command to Redis. Now and then its answer is lost and it is sent again, as every caller does.
    pub fn run<C: Command>(&mut self, command: &C) -> C::Reply {
        self.redis.set_clock(self.now);
        if !self.calm && self.dice.percent(3) {
            self.redis.run(command);
        }
        self.redis.run(command)
    }

    pub fn redis(&mut self) -> &mut RedisServer {
        self.redis
    }

    /// A submit was let through.
    pub fn go(&mut self, file: &FileId) {
        self.gone.push(self.now);
        let begin = self.now - i64::from(WINDOW);
        let within = self.gone.iter().filter(|at| **at > begin).count();
        let most = usize::try_from(WINDOW_SIZE).unwrap();
        assert!(self.failed_over || within <= most, "{within} submits in one window, {}", short(file));
    }

    fn note(&mut self, what: String) {
        let at = self.now - 1_800_000_000_000;
        self.trace.push(format!("{at:>7} {what}"));
    }

    fn play(&mut self) {
        self.redis.set_identity("first");
        let mut workers: Vec<Worker> = (0..4).map(|n| Worker::new(format!("w{n}"))).collect();
        let mut born = workers.len();
        // Redis goes back to a copy that is so many rounds old.
        let mut lost_in = None;
        for round in 0..CHAOS {
            self.now += self.dice.between(0, 400);
            if round < 3 {
                self.create();
            }
            match lost_in {
                Some(0) => {
                    self.fail_over();
                    lost_in = None;
                }
                Some(rounds) => lost_in = Some(rounds - 1),
                None if !self.fal.blind && round > 10 && self.dice.percent(2) => {
                    self.redis.snapshot();
                    self.note("the last word a replica hears".to_owned());
                    lost_in = Some(self.dice.below(25));
                }
                None => {}
            }
            match self.dice.below(100) {
                0..70 => {
                    let n = usize::try_from(self.dice.below(workers.len() as u64)).unwrap();
                    self.act(&mut workers[n]);
                }
                70..80 => {
                    let n = usize::try_from(self.dice.below(workers.len() as u64)).unwrap();
                    workers[n].beat(self);
                }
                80..83 => {
                    let n = usize::try_from(self.dice.below(workers.len() as u64)).unwrap();
                    self.note(format!("{} is killed at {:?}", workers[n].name, workers[n].at));
                    workers[n] = Worker::new(format!("w{born}"));
                    born += 1;
                }
                83..85 => {
                    let n = usize::try_from(self.dice.below(workers.len() as u64)).unwrap();
                    workers[n].hand_back(self);
                }
                85..87 => {
                    let hang = self.dice.between(1000, i64::from(LEASE) * 2);
                    self.note(format!("nobody moves for {hang} ms"));
                    self.now += hang;
                }
                87..95 => self.client(),
                _ => self.operator(),
            }
            if round % 20 == 19 {
                promises::books_agree(self);
            }
        }
        if lost_in.is_some() {
            self.fail_over();
        }
        self.come_to_rest(&mut workers);
    }

    fn act(&mut self, worker: &mut Worker) {
        let before = format!("{:?}", worker.at);
        worker.step(self);
        self.note(format!("{}: {before} -> {:?}", worker.name, worker.at));
    }

    fn fail_over(&mut self) {
        self.identity += 1;
        self.failed_over = true;
        self.note("another Redis takes over".to_owned());
        self.redis.fail_over(self.now, &format!("after{}", self.identity));
    }

    /// Nothing goes wrong any more: everything comes to its end.
    fn come_to_rest(&mut self, workers: &mut [Worker]) {
        self.note("from here on nothing goes wrong".to_owned());
        self.calm = true;
        self.fal.refuses_until = 0;
        for queue in Queue::ALL {
            self.run(&PauseQueue { queue, pause: false });
        }
        for round in 0..CALM {
            let idle = workers.iter().all(|worker| matches!(worker.at, At::Idle));
            self.now += if idle { 1500 } else { 150 };
            for worker in workers.iter_mut() {
                if matches!(worker.at, At::Idle) {
                    worker.step(self);
                } else {
                    self.act(worker);
                }
            }
            if round % 10 == 9 {
                let records = self.records();
                let ended = records.values().all(|job| job.status.is_terminal());
                if ended && workers.iter().all(|worker| matches!(worker.at, At::Idle)) {
                    promises::all_kept(self, &records);
                    return;
                }
                self.now += 1000;
            }
        }
        let left: Vec<_> = self.records().into_values().filter(|job| !job.status.is_terminal()).collect();
        panic!("these never ended: {left:#?}, breaker {:?}", breaker(self));
    }

    /// Every job that Redis still knows.
    fn records(&mut self) -> BTreeMap<String, JobRecord> {
        let jobs = self.jobs.clone();
        jobs.iter().filter_map(|job| Some((job.to_string(), self.run(&ReadJob(job))?))).collect()
    }

    fn create(&mut self) {
        let job = JobId::from_random(self.dice.bytes());
        let count = self.dice.between(1, 3);
        let files = (0..count)
            .map(|n| NewFile {
                id: FileId::from_random(self.dice.bytes()),
                filename: format!("{n}.png"),
                size: 10,
                content_type: "image/png".to_owned(),
                width: 8,
                height: 8,
                blob: "b".to_owned(),
            })
            .collect();
        let priority = *self.dice.pick(&Priority::ALL).unwrap();
        let create = CreateJob {
            job: job.clone(),
            tenant: (*self.dice.pick(&["t", "u", "v"]).unwrap()).to_owned(),
            owner: String::new(),
            ttl_seconds: 3600,
            idempotency: None,
            max_waiting: 1000,
            max_attempts: 3,
            epoch: "e".to_owned(),
            request_id: "r".to_owned(),
            traceparent: String::new(),
            options: "{}".to_owned(),
            model: "m".to_owned(),
            process: true,
            priority,
            webhook: None,
            files,
        };
        self.note(format!("upload of {count}, {priority:?}"));
        self.run(&create);
        self.jobs.push(job);
    }

    fn client(&mut self) {
        let Some(job) = self.dice.pick(&self.jobs).cloned() else { return };
        let Some(record) = self.run(&ReadJob(&job)) else { return };
        let file = self.dice.pick(&record.files).unwrap().id.clone();
        let request_id = format!("c{}", self.dice.next());
        let what = match self.dice.below(10) {
            0 | 1 => {
                self.create();
                return;
            }
            2 => format!("{:?}", self.run(&CancelJob(&job))),
            3 | 4 => format!("{:?}", self.run(&CancelFile { job: &job, file: &file })),
            5 | 6 => {
                let retry = RetryFiles { job: &job, files: None, max_waiting: None, request_id: &request_id };
                format!("{:?}", self.run(&retry))
            }
            7 => {
                if self.dice.percent(30) {
                    format!("{:?}", self.run(&EraseJob(&job)))
                } else {
                    let force = self.dice.percent(30);
                    let outcome = self.run(&DeleteJob { job: &job, force });
                    if self.run(&ReadJob(&job)).is_none() {
                        promises::nothing_goes_on_unseen(self, &record);
                    }
                    format!("{outcome:?}")
                }
            }
            _ => {
                let generate = GenerateFile {
                    job: &job,
                    caller: "key:t",
                    file: &file,
                    new_file: &FileId::from_random(self.dice.bytes()),
                    options: "{}",
                    model: "m",
                    max_waiting: 1000,
                    max_files: 6,
                    webhook: None,
                    idempotency: None,
                    request_id: &request_id,
                    traceparent: "",
                    priority: Priority::High,
                };
                format!("{:?}", self.run(&generate))
            }
        };
        self.note(format!("the client of {job}, {}: {what}", short(&file)));
    }

    fn operator(&mut self) {
        match self.dice.below(6) {
            0 => {
                let queue = *self.dice.pick(&Queue::LANES).unwrap();
                self.run(&PauseQueue { queue, pause: true });
            }
            1 | 2 => {
                let queue = *self.dice.pick(&Queue::LANES).unwrap();
                self.run(&PauseQueue { queue, pause: false });
            }
            3 => {
                let cap = self.dice.percent(50).then_some(1);
                self.run(&SetTenant { tenant: "t", weight: 2.5, cap });
            }
            4 => {
                let force = self.dice.percent(30);
                self.run(&CloseBreaker { force });
            }
            _ => self.fal.refuses_until = self.now + self.dice.between(500, 6000),
        }
    }
}
