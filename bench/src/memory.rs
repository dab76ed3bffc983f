//! Resident memory of a real worker process with no, some and a thousand files under way at FAL.

use std::time::Duration;

use image2model_tests::process::Process;

use crate::figures::median;
use crate::site::Site;

const ROUNDS: usize = 3;
/// The first of them make the worker load what every file needs.
const FEW: usize = 100;
const MANY: usize = 1_000;
/// How long figures are let settle: several polls of every file, and its heartbeat.
const SETTLE: Duration = Duration::from_secs(20);

/// Megabytes.
struct Round {
    idle: f64,
    few: f64,
    many: f64,
    after: f64,
}

/// Measures and prints a table.
pub async fn measure() -> anyhow::Result<()> {
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        rounds.push(round().await?);
    }
    println!("\n## memory: resident memory of a worker process with files under way\n");
    println!("| | MB |\n|---|---|");
    let of = |pick: fn(&Round) -> f64| median(rounds.iter().map(pick).collect());
    let (idle, few, many) = (of(|r| r.idle), of(|r| r.few), of(|r| r.many));
    println!("| ready, no file | {idle:.1} |\n| {FEW} files | {few:.1} |\n| {MANY} files | {many:.1} |");
    println!("| after all were cancelled | {:.1} |", of(|r| r.after));
    let per_file = |more: f64, files: usize| more * 1000.0 / files as f64;
    println!(
        "\nper file: {:.1} KB from none to {MANY}, {:.1} KB from {FEW} to {MANY}",
        per_file(many - idle, MANY),
        per_file(many - few, MANY - FEW)
    );
    Ok(())
}

async fn round() -> anyhow::Result<Round> {
    let at_once = u32::try_from(MANY)?;
    let mut site = Site::start(at_once).await?;
    let worker = site.setup(at_once).start_worker(site.data.path())?;
    let idle = settled(&worker).await?;
    site.add(FEW).await?;
    site.under_way().await?;
    let few = settled(&worker).await?;
    site.add(MANY - FEW).await?;
    site.under_way().await?;
    let many = settled(&worker).await?;
    site.cancel().await?;
    Ok(Round { idle, few, many, after: settled(&worker).await? })
}

async fn settled(worker: &Process) -> anyhow::Result<f64> {
    tokio::time::sleep(SETTLE).await;
    Ok(worker.resident_bytes()? as f64 / 1e6)
}
