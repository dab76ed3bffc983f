//! Event streams beside others in one run: what a subscriber that waits costs, how long an event takes, how many are
//! delivered in a burst, what a client costs that takes nothing. Each serves the same crowd in turn.

mod crowd;
mod publisher;
pub mod server;
pub mod soak;
mod stalled;
mod stand;

use std::time::Duration;

use anyhow::ensure;
use image2model_tests::redis::Redis;

use crate::figures::{median, quantile};
use crate::usage::processor_seconds;
use crowd::{Crowd, Received};
use stand::{Kind, Stand, Topic};

/// The median of an odd number is one that was measured.
const ROUNDS: usize = 3;
const IDLE: usize = 9_000;
const IDLE_TOPICS: usize = 100;
const ON_ONE_JOB: usize = 2_000;
const JOBS: usize = 5_000;
/// Events to one job, ten a second.
const PACED: usize = 50;
/// Events to one job, as fast as they are taken.
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
    each_kb: f64,
    paced_p50: f64,
    paced_p99: f64,
    paced_cpu: f64,
    burst: f64,
    burst_p99: f64,
    burst_cpu: f64,
    delivered: f64,
    spread_p50: f64,
    spread_p99: f64,
    spread_cpu: f64,
    stalled_mb: f64,
}

/// One line of the table.
struct Row {
    name: String,
    pick: fn(&Figures) -> f64,
    more_is_better: bool,
}

fn rows() -> Vec<Row> {
    let row = |name: String, pick: fn(&Figures) -> f64| Row { name, pick, more_is_better: false };
    vec![
        row(format!("KB of memory per subscriber that waits, {IDLE} of {IDLE_TOPICS} jobs"), |f| f.idle_kb),
        row(format!("KB per job and subscriber, {JOBS} of them"), |f| f.each_kb),
        row(format!("{ON_ONE_JOB} on one job, 10 events a second: p50 ms"), |f| f.paced_p50),
        row("p99 ms".to_owned(), |f| f.paced_p99),
        row("µs of processor a delivery".to_owned(), |f| f.paced_cpu),
        Row {
            more_is_better: true,
            ..row(format!("burst of {BURST} to {ON_ONE_JOB}: deliveries a second"), |f| f.burst)
        },
        row("p99 ms of the burst".to_owned(), |f| f.burst_p99),
        row("µs of processor a delivery in the burst".to_owned(), |f| f.burst_cpu),
        Row { more_is_better: true, ..row("delivered, %".to_owned(), |f| f.delivered) },
        row(format!("{JOBS} jobs with one each, 1,000 events a second: p50 ms"), |f| f.spread_p50),
        row("p99 ms of those".to_owned(), |f| f.spread_p99),
        row("µs of processor an event of those".to_owned(), |f| f.spread_cpu),
        row("MB that a client costs which takes nothing of 24".to_owned(), |f| f.stalled_mb),
    ]
}

/// Measures all, taking turns, and prints a table.
pub async fn measure() -> anyhow::Result<()> {
    crowd::allow_many()?;
    let redis = Redis::start()?;
    let mut measured: Vec<Vec<Figures>> = Kind::ALL.iter().map(|_| Vec::new()).collect();
    for number in 1..=ROUNDS {
        for (kind, figures) in Kind::ALL.into_iter().zip(&mut measured) {
            let found = round(&redis, kind).await?;
            eprintln!("round {number} of {}: {found:?}", kind.name());
            figures.push(found);
        }
    }
    println!("\n## streams: {ROUNDS} rounds, medians\n");
    let names: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
    println!("| | {} | ours / best peer |\n|---|{}---|", names.join(" | "), "---|".repeat(names.len()));
    for Row { name, pick, more_is_better } in rows() {
        let medians: Vec<f64> = measured.iter().map(|figures| median(figures.iter().map(pick).collect())).collect();
        let (ours, peers) = medians.split_first().unwrap_or((&0.0, &[]));
        let best = peers.iter().copied().reduce(if more_is_better { f64::max } else { f64::min }).unwrap_or_default();
        let cells: Vec<String> = medians.iter().map(|value| format!("{value:.2}")).collect();
        println!("| {name} | {} | {:.2} |", cells.join(" | "), ours / best);
    }
    Ok(())
}

async fn round(redis: &Redis, kind: Kind) -> anyhow::Result<Figures> {
    let mut figures = Figures::default();
    idle(redis, kind, &mut figures).await?;
    one_job(redis, kind, &mut figures).await?;
    many_jobs(redis, kind, &mut figures).await?;
    figures.stalled_mb = stalled::megabytes(&mut Stand::open(kind, redis).await?).await?;
    Ok(figures)
}

async fn idle(redis: &Redis, kind: Kind, figures: &mut Figures) -> anyhow::Result<()> {
    let mut stand = Stand::open(kind, redis).await?;
    let topics = stand.topics(IDLE_TOPICS).await?;
    // The first of them make the server load what all need.
    let warm = gather(&stand, topics.iter())?;
    tokio::time::sleep(SETTLE).await;
    let before = stand.process.resident_bytes()? as f64;
    let crowd = gather(&stand, topics.iter().cycle().take(IDLE - warm.len()))?;
    tokio::time::sleep(SETTLE).await;
    figures.idle_kb = (stand.process.resident_bytes()? as f64 - before) / 1000.0 / crowd.len() as f64;
    Ok(())
}

async fn one_job(redis: &Redis, kind: Kind, figures: &mut Figures) -> anyhow::Result<()> {
    let mut stand = Stand::open(kind, redis).await?;
    let topics = stand.topics(1).await?;
    let crowd = gather(&stand, topics.iter().cycle().take(ON_ONE_JOB))?;
    tokio::time::sleep(SETTLE).await;
    let expected = ON_ONE_JOB * PACED;
    let before = processor_seconds(stand.process.id())?;
    let (crowd, received) = publish(&mut stand, crowd, &topics, PACED, Duration::from_millis(100), 1).await?;
    ensure!(received.latencies.len() == expected, "{} of {expected} were delivered", received.latencies.len());
    figures.paced_cpu = (processor_seconds(stand.process.id())? - before) * 1e6 / expected as f64;
    figures.paced_p50 = quantile(received.latencies.clone(), 0.5);
    figures.paced_p99 = quantile(received.latencies, 0.99);

    let before = processor_seconds(stand.process.id())?;
    let (_, received) = publish(&mut stand, crowd, &topics, BURST, Duration::ZERO, 1).await?;
    let delivered = received.latencies.len() as f64;
    figures.burst = delivered / received.took.as_secs_f64();
    figures.burst_cpu = (processor_seconds(stand.process.id())? - before) * 1e6 / delivered;
    figures.burst_p99 = quantile(received.latencies, 0.99);
    figures.delivered = 100.0 * delivered / (ON_ONE_JOB * BURST) as f64;
    Ok(())
}

async fn many_jobs(redis: &Redis, kind: Kind, figures: &mut Figures) -> anyhow::Result<()> {
    let mut stand = Stand::open(kind, redis).await?;
    let topics = stand.topics(JOBS).await?;
    let warm = gather(&stand, topics.iter().take(IDLE_TOPICS))?;
    tokio::time::sleep(SETTLE).await;
    let before = stand.process.resident_bytes()? as f64;
    let crowd = gather(&stand, topics.iter().skip(IDLE_TOPICS))?.and(warm)?;
    tokio::time::sleep(SETTLE).await;
    figures.each_kb = (stand.process.resident_bytes()? as f64 - before) / 1000.0 / (JOBS - IDLE_TOPICS) as f64;
    let before = processor_seconds(stand.process.id())?;
    let (_, received) = publish(&mut stand, crowd, &topics, SPREAD, SPREAD_EVERY, JOBS).await?;
    ensure!(received.latencies.len() == SPREAD, "{} of {SPREAD} were delivered", received.latencies.len());
    figures.spread_cpu = (processor_seconds(stand.process.id())? - before) * 1e6 / SPREAD as f64;
    figures.spread_p50 = quantile(received.latencies.clone(), 0.5);
    figures.spread_p99 = quantile(received.latencies, 0.99);
    Ok(())
}

fn gather<'a>(stand: &Stand, topics: impl Iterator<Item = &'a Topic>) -> anyhow::Result<Crowd> {
    Crowd::gather(&stand.address, topics.map(Topic::path), stand.kind.begins())
}

/// Lets the crowd, one of `share` of whom hears each event, listen while events are published.
async fn publish(
    stand: &mut Stand,
    crowd: Crowd,
    topics: &[Topic],
    n: usize,
    every: Duration,
    share: usize,
) -> anyhow::Result<(Crowd, Received)> {
    let expected = n * crowd.len() / share;
    let listening = tokio::task::spawn_blocking(move || {
        let mut crowd = crowd;
        let received = crowd.listen(expected, PATIENCE)?;
        anyhow::Ok((crowd, received))
    });
    stand.publish(topics, n, every, 0).await?;
    listening.await?
}
