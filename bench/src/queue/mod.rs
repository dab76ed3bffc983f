//! Lifecycles a second through one worker process and one Redis: nine recorded steps from claim to end, beside Celery
//! recording as many states.
//!
//! Ours are the product's own commands over its own connection, without FAL between them. Both sides find their work in
//! line, tell when the part that warms them up is over and when all is done, and are timed in between from outside.

pub mod worker;

use std::process::Command;
use std::time::Instant;

use anyhow::ensure;
use image2model_host::redis::Store;
use image2model_tests::process::{Process, root};
use image2model_tests::redis::Redis;
use redis::aio::MultiplexedConnection;

use crate::backlog;
use crate::figures::median;
use crate::usage::{Info, processor_seconds};

const ROUNDS: usize = 3;
const TENANTS: usize = 10;
/// Files or tasks at the start that are not timed.
const WARM: usize = 200;

/// Who does the work, and how much of it a round has.
struct Contender {
    name: &'static str,
    work: Work,
    lifecycles: usize,
}

#[derive(Clone, Copy)]
enum Work {
    /// The product's steps, so many files at once.
    Image2Model(usize),
    /// Celery with this pool.
    Celery { pool: &'static str, concurrency: &'static str },
}

const CONTENDERS: [Contender; 4] = [
    Contender { name: "image2model, 100 files at once (the default)", work: Work::Image2Model(100), lifecycles: 6_000 },
    Contender { name: "image2model, one file at a time", work: Work::Image2Model(1), lifecycles: 3_000 },
    Contender {
        name: "Celery, 4 threads",
        work: Work::Celery { pool: "threads", concurrency: "4" },
        lifecycles: 1_200,
    },
    Contender {
        name: "Celery, one task at a time (solo)",
        work: Work::Celery { pool: "solo", concurrency: "1" },
        lifecycles: 1_200,
    },
];

/// One round of one contender.
struct Round {
    per_second: f64,
    worker_ms: f64,
    redis_ms: f64,
}

/// Measures all, taking turns, once for each way of writing to disk, and prints the tables.
pub async fn measure() -> anyhow::Result<()> {
    for fsync in ["everysec", "always"] {
        let redis = Redis::start()?;
        let mut connection = redis.connection().await?;
        redis::cmd("CONFIG").arg("SET").arg("appendfsync").arg(fsync).exec_async(&mut connection).await?;
        let mut rounds: Vec<Vec<Round>> = CONTENDERS.iter().map(|_| Vec::new()).collect();
        for _ in 0..ROUNDS {
            for (contender, rounds) in CONTENDERS.iter().zip(&mut rounds) {
                redis::cmd("FLUSHALL").exec_async(&mut connection).await?;
                rounds.push(contender.round(&redis, &mut connection).await?);
            }
        }
        print(fsync, &rounds);
    }
    Ok(())
}

fn print(fsync: &str, rounds: &[Vec<Round>]) {
    println!("\n## queue: lifecycles of nine recorded steps, one worker process, appendfsync {fsync}\n");
    println!("| | lifecycles/s | worker CPU ms each | Redis CPU ms each |\n|---|---|---|---|");
    let of = |rounds: &[Round], pick: fn(&Round) -> f64| median(rounds.iter().map(pick).collect());
    let (mut ours, mut celery) = (0.0_f64, 0.0_f64);
    for (contender, rounds) in CONTENDERS.iter().zip(rounds) {
        let per_second = of(rounds, |r| r.per_second);
        match contender.work {
            Work::Image2Model(_) => ours = ours.max(per_second),
            Work::Celery { .. } => celery = celery.max(per_second),
        }
        let (worker, redis) = (of(rounds, |r| r.worker_ms), of(rounds, |r| r.redis_ms));
        println!("| {} | {per_second:.0} | {worker:.2} | {redis:.2} |", contender.name);
    }
    println!("\nratio, the best of each: {:.1}", ours / celery);
}

impl Contender {
    async fn round(&self, redis: &Redis, connection: &mut MultiplexedConnection) -> anyhow::Result<Round> {
        let (lifecycles, warm) = (self.lifecycles.to_string(), WARM.to_string());
        let mut command = match self.work {
            Work::Image2Model(at_once) => {
                self.put_in_line(&redis.url()).await?;
                let mut command = Command::new(std::env::current_exe()?);
                command.args(["queue-worker", &redis.url(), &lifecycles, &warm, &at_once.to_string()]);
                command
            }
            Work::Celery { pool, concurrency } => {
                let mut command = Command::new(root().join("target/celery/venv/bin/python"));
                command.args(["-u", "bench/celery/lifecycle.py", &redis.url(), &lifecycles, &warm, pool, concurrency]);
                command
            }
        };
        let mut process = Process::start(&mut command)?;
        process.wait_for("warm")?;
        let (started, before) = (Instant::now(), used(&process, connection).await?);
        process.wait_for("done")?;
        let (elapsed, after) = (started.elapsed().as_secs_f64(), used(&process, connection).await?);
        let count = (self.lifecycles - WARM) as f64;
        Ok(Round {
            per_second: count / elapsed,
            worker_ms: (after.0 - before.0) * 1000.0 / count,
            redis_ms: (after.1 - before.1) * 1000.0 / count,
        })
    }

    /// Jobs of one file each: every lifecycle ends its job, too.
    async fn put_in_line(&self, redis_url: &str) -> anyhow::Result<()> {
        let store = Store::open(redis_url)?;
        let job = |number: usize| backlog::job(&format!("tenant-{}", number % TENANTS), 1, "vase.jpg");
        ensure!(self.lifecycles > WARM, "there is nothing to time");
        backlog::put(&store, (0..self.lifecycles).map(job)).await
    }
}

/// Processor seconds of the worker and of Redis so far.
async fn used(worker: &Process, redis: &mut MultiplexedConnection) -> anyhow::Result<(f64, f64)> {
    let info = Info::ask(redis, "cpu").await?;
    let redis = info.number("used_cpu_user")? + info.number("used_cpu_sys")?;
    Ok((processor_seconds(worker.id())?, redis))
}
