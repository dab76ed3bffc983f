//! From the start of the process to its first answer: with nothing compiled, and with a compile cache.

use std::time::{Duration, Instant};

use super::load::{Ask, run_apart};
use super::stand::{Ground, Kind};
use super::work::Guest;
use crate::figures::median;

const ROUNDS: usize = 7;

/// Measures and prints a table. Axum has nothing to compile.
pub async fn measure(ground: &Ground) -> anyhow::Result<()> {
    println!("\n### start: to the first answer of `hello`\n\n| | cold ms | with the compile cache ms |\n|---|---|---|");
    for kind in Kind::present() {
        let (mut cold, mut warm) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ground.forget()?;
            cold.push(first_answer(ground, kind).await?);
            warm.push(first_answer(ground, kind).await?);
        }
        println!("| {} | {:.0} | {:.0} |", kind.name(), median(cold), median(warm));
    }
    Ok(())
}

/// In milliseconds.
async fn first_answer(ground: &Ground, kind: Kind) -> anyhow::Result<f64> {
    let started = Instant::now();
    let stand = ground.start(kind, &[Guest::Hello])?;
    run_apart(&stand.address, &Ask::get("/hello"), 1, Duration::from_nanos(1)).await?;
    Ok(started.elapsed().as_secs_f64() * 1000.0)
}
