//! What a claim costs with few and with many files in line, of one tenant and of as many tenants as there are files.
//!
//! Each claimed file is handed back before the next claim, so that the line stays as long as it is.

use std::time::Instant;

use anyhow::Context;
use image2model_domain::commands::{Release, StepOutcome};
use image2model_host::redis::Store;
use image2model_tests::redis::Redis;

use crate::backlog;
use crate::figures::quantile;
use crate::queue::worker::claim;
use crate::usage::Info;

const LENGTHS: [usize; 3] = [10, 1_000, 100_000];
const SAMPLES: usize = 2_000;
/// Claims at the start that do not count.
const WARM: usize = 100;
/// Images of one upload: the product's own limit.
const FILES_PER_JOB: usize = 25;

/// What one length of the line gave, microseconds.
struct Figures {
    in_redis: Vec<f64>,
    round_trip: Vec<f64>,
    bytes_per_file: f64,
}

/// Measures every length and prints a table.
pub async fn measure() -> anyhow::Result<()> {
    println!("\n## claim: one file claimed from a line of so many\n");
    println!(
        "| waiting files | tenants | in Redis p50 µs | p99 µs | round trip p50 µs | p99 µs | KB of Redis per file |"
    );
    println!("|---|---|---|---|---|---|---|");
    for one_tenant in [true, false] {
        for waiting in LENGTHS {
            let Figures { in_redis, round_trip, bytes_per_file } = sample(waiting, one_tenant).await?;
            let tenants = if one_tenant { 1 } else { waiting };
            println!(
                "| {waiting} | {tenants} | {:.0} | {:.0} | {:.0} | {:.0} | {:.1} |",
                quantile(in_redis.clone(), 0.5),
                quantile(in_redis, 0.99),
                quantile(round_trip.clone(), 0.5),
                quantile(round_trip, 0.99),
                bytes_per_file / 1000.0,
            );
        }
    }
    Ok(())
}

async fn sample(waiting: usize, one_tenant: bool) -> anyhow::Result<Figures> {
    let redis = Redis::start()?;
    let mut connection = redis.connection().await?;
    let store = Store::open(&redis.url())?;
    let empty = Info::ask(&mut connection, "memory").await?.number("used_memory")?;
    if one_tenant {
        let sizes = (0..waiting).step_by(FILES_PER_JOB).map(|first| FILES_PER_JOB.min(waiting - first));
        backlog::put(&store, sizes.map(|files| backlog::job("tenant", files, "vase.jpg"))).await?;
    } else {
        backlog::put(&store, (0..waiting).map(|number| backlog::job(&format!("tenant-{number}"), 1, "vase.jpg")))
            .await?;
    }
    let full = Info::ask(&mut connection, "memory").await?.number("used_memory")?;

    let (mut in_redis, mut round_trip) = (Vec::new(), Vec::new());
    for number in 0..WARM + SAMPLES {
        // Every step is one script, called by its digest.
        let before = Info::ask(&mut connection, "commandstats").await?.microseconds_in("evalsha")?;
        let started = Instant::now();
        let claimed = store.run(&claim(1)).await?;
        let elapsed = started.elapsed();
        let after = Info::ask(&mut connection, "commandstats").await?.microseconds_in("evalsha")?;
        let file = claimed.files.first().context("nothing was claimed from a line that is not empty")?;
        let handed_back = store.run(&Release { holding: &file.holding }).await?;
        anyhow::ensure!(handed_back == StepOutcome::Done, "a file was not handed back: {handed_back:?}");
        if number >= WARM {
            in_redis.push(after - before);
            round_trip.push(elapsed.as_secs_f64() * 1e6);
        }
    }
    Ok(Figures { in_redis, round_trip, bytes_per_file: (full - empty) / waiting as f64 })
}
