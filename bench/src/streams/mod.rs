//! Event streams beside a plain axum server with a broadcast channel for each job: what a subscriber that waits costs, how
//! long an event takes, how many are delivered in a burst. Both follow the same Redis, and serve the same crowd in turn.

mod crowd;
mod publisher;
pub mod server;

use std::process::Command;
use std::time::Duration;

use anyhow::ensure;
use image2model_tests::process::Process;
use image2model_tests::redis::Redis;

use crate::figures::{median, quantile};
use crate::usage::processor_seconds;
use crowd::{Crowd, Received};
use publisher::Publisher;

const ROUNDS: usize = 3;
const IDLE: usize = 10_000;
const ON_ONE_JOB: usize = 2_000;
const JOBS: usize = 5_000;
/// Events to one job, ten a second.
const PACED: usize = 50;
/// Events to one job, as fast as Redis takes them.
const BURST: usize = 400;
/// Events over all jobs, and the time between two of them.
const SPREAD: usize = 3_000;
const SPREAD_EVERY: Duration = Duration::from_millis(1);
/// For memory to settle.
const SETTLE: Duration = Duration::from_secs(2);
/// What a delivery may take before it counts as lost.
const PATIENCE: Duration = Duration::from_secs(15);

/// One server's figures of one round.
#[derive(Debug, Default)]
struct Figures {
    idle_kb: f64,
    paced_p50: f64,
    paced_p99: f64,
    paced_cpu: f64,
    burst: f64,
    burst_cpu: f64,
    burst_delivered: f64,
    spread_p50: f64,
    spread_p99: f64,
}

/// Measures both, taking turns, and prints a table.
pub async fn measure() -> anyhow::Result<()> {
    crowd::allow_many()?;
    let redis = Redis::start()?;
    let (mut ours, mut peers) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(round(&redis, "stream-server").await?);
        peers.push(round(&redis, "stream-peer").await?);
    }
    println!(
        "\n## streams: beside plain axum + broadcast, {ROUNDS} rounds\n\n| | image2model | axum | ratio |\n|---|---|---|---|"
    );
    let row = |name: &str, pick: fn(&Figures) -> f64| {
        let of = |figures: &[Figures]| median(figures.iter().map(pick).collect());
        let (a, b) = (of(&ours), of(&peers));
        println!("| {name} | {a:.2} | {b:.2} | {:.2} |", a / b);
    };
    row(&format!("KB of memory per subscriber that waits, {IDLE}"), |f| f.idle_kb);
    row(&format!("{ON_ONE_JOB} on one job, 10 events a second: p50 ms"), |f| f.paced_p50);
    row("p99 ms", |f| f.paced_p99);
    row("µs of processor a delivery", |f| f.paced_cpu);
    row(&format!("burst of {BURST} events to {ON_ONE_JOB}: deliveries a second"), |f| f.burst);
    row("µs of processor a delivery in a burst", |f| f.burst_cpu);
    row("delivered, %", |f| f.burst_delivered);
    row(&format!("{JOBS} jobs with one each, 1,000 events a second: p50 ms"), |f| f.spread_p50);
    row("p99 ms of those", |f| f.spread_p99);
    Ok(())
}

async fn round(redis: &Redis, role: &str) -> anyhow::Result<Figures> {
    let mut figures = Figures::default();
    let publisher = Publisher::to(&redis.url())?;
    idle(redis, role, &publisher, &mut figures).await?;
    one_job(redis, role, &publisher, &mut figures).await?;
    many_jobs(redis, role, &publisher, &mut figures).await?;
    Ok(figures)
}

fn server(redis: &Redis, role: &str) -> anyhow::Result<(Process, String)> {
    let mut process = Process::start(Command::new(std::env::current_exe()?).args([role, &redis.url()]))?;
    let address = process.wait_for("peer ready: ")?;
    Ok((process, address))
}

async fn idle(redis: &Redis, role: &str, publisher: &Publisher, figures: &mut Figures) -> anyhow::Result<()> {
    let (process, address) = server(redis, role)?;
    let jobs = publisher.jobs(100).await?;
    // The first of them make the server load what all need.
    let warm = Crowd::gather(&address, jobs.iter().map(|job| job.path()))?;
    tokio::time::sleep(SETTLE).await;
    let before = process.resident_bytes()? as f64;
    let paths = (0..IDLE - warm.len()).filter_map(|i| jobs.get(i % jobs.len())).map(|job| job.path());
    let crowd = Crowd::gather(&address, paths)?;
    tokio::time::sleep(SETTLE).await;
    figures.idle_kb = (process.resident_bytes()? as f64 - before) / 1000.0 / crowd.len() as f64;
    Ok(())
}

async fn one_job(redis: &Redis, role: &str, publisher: &Publisher, figures: &mut Figures) -> anyhow::Result<()> {
    let (process, address) = server(redis, role)?;
    let jobs = publisher.jobs(1).await?;
    let crowd = Crowd::gather(&address, std::iter::repeat_n(jobs.iter().map(|job| job.path()).collect(), ON_ONE_JOB))?;
    let expected = ON_ONE_JOB * PACED;
    let before = processor_seconds(process.id())?;
    let (crowd, received) =
        publish(crowd, expected, publisher.events(&jobs, PACED, Duration::from_millis(100))).await?;
    ensure!(received.latencies.len() == expected, "{} of {expected} were delivered", received.latencies.len());
    figures.paced_cpu = (processor_seconds(process.id())? - before) * 1e6 / expected as f64;
    figures.paced_p50 = quantile(received.latencies.clone(), 0.5);
    figures.paced_p99 = quantile(received.latencies, 0.99);

    let expected = ON_ONE_JOB * BURST;
    let before = processor_seconds(process.id())?;
    let (_, received) = publish(crowd, expected, publisher.events(&jobs, BURST, Duration::ZERO)).await?;
    let delivered = received.latencies.len() as f64;
    figures.burst = delivered / received.took.as_secs_f64();
    figures.burst_cpu = (processor_seconds(process.id())? - before) * 1e6 / delivered;
    figures.burst_delivered = 100.0 * delivered / expected as f64;
    Ok(())
}

async fn many_jobs(redis: &Redis, role: &str, publisher: &Publisher, figures: &mut Figures) -> anyhow::Result<()> {
    let (_process, address) = server(redis, role)?;
    let jobs = publisher.jobs(JOBS).await?;
    let crowd = Crowd::gather(&address, jobs.iter().map(|job| job.path()))?;
    let (_, received) = publish(crowd, SPREAD, publisher.events(&jobs, SPREAD, SPREAD_EVERY)).await?;
    ensure!(received.latencies.len() == SPREAD, "{} of {SPREAD} were delivered", received.latencies.len());
    figures.spread_p50 = quantile(received.latencies.clone(), 0.5);
    figures.spread_p99 = quantile(received.latencies, 0.99);
    Ok(())
}

/// Lets the crowd listen while events are published.
async fn publish(
    crowd: Crowd,
    expected: usize,
    events: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<(Crowd, Received)> {
    let listening = tokio::task::spawn_blocking(move || {
        let mut crowd = crowd;
        let received = crowd.listen(expected, PATIENCE)?;
        anyhow::Ok((crowd, received))
    });
    events.await?;
    listening.await?
}
