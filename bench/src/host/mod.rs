//! This host beside `wasmtime serve` with the same components, beside `spin up` where `SPIN_BIN` names one, and beside
//! axum, which answers the same without any: throughput, latency, start, memory, and a fast component beside one that
//! computes.

mod load;
mod neighbours;
pub mod server;
mod stand;
mod start;
mod work;

use std::time::Duration;

use crate::figures::median;
use crate::usage::processor_seconds;
use load::{Figures, run_apart};
use stand::{Ground, Kind, Stand};
use work::{CONNECTIONS, Work};

const ROUNDS: usize = 5;
const LENGTH: Duration = Duration::from_secs(2);

/// Measures and prints the tables.
pub async fn measure() -> anyhow::Result<()> {
    stand::ask_from_one_core()?;
    let ground = Ground::open().await?;
    println!("\n## host: the same components on this host and on others, one core serves, the other asks\n");
    println!("| | connections | | requests/s | p50 ms | p99 ms | µs of processor | ours / theirs |");
    println!("|---|---|---|---|---|---|---|---|");
    for work in work::all() {
        let mut stands = Vec::new();
        for kind in Kind::present() {
            if work.guest != work::Guest::Redis || kind.has_redis() {
                stands.push((kind, ground.start(kind, &[work.guest])?));
            }
        }
        for connections in CONNECTIONS {
            beside(&stands, &work, connections).await?;
        }
        if work.guest == work::Guest::Hello {
            println!();
            memory(&stands)?;
            println!("\n| | connections | | requests/s | p50 ms | p99 ms | µs of processor | ours / theirs |");
            println!("|---|---|---|---|---|---|---|---|");
        }
    }
    start::measure(&ground).await?;
    neighbours::measure(&ground).await
}

/// How long a server may take to end that nobody asks any more.
const STOPS_WITHIN: Duration = Duration::from_secs(20);

/// Has this host do each work for so long with each number of connections: answers that are small, and large bodies.
pub async fn train(small: Duration, large: Duration) -> anyhow::Result<()> {
    let ground = Ground::open().await?;
    for work in work::all() {
        let length = if work.guest == work::Guest::Echo { large } else { small };
        let mut stand = ground.start(Kind::Ours, &[work.guest])?;
        for connections in CONNECTIONS {
            run_apart(&stand.address, &work.ask, connections, length).await?;
        }
        stand.process.stop(STOPS_WITHIN)?;
    }
    Ok(())
}

/// What one server did in one round.
struct Round {
    figures: Figures,
    /// Microseconds of its processor time an answer.
    processor: f64,
}

async fn beside(stands: &[(Kind, Stand)], work: &Work, connections: usize) -> anyhow::Result<()> {
    let mut rounds: Vec<Vec<Round>> = stands.iter().map(|_| Vec::new()).collect();
    for round in 0..=ROUNDS {
        for ((_, stand), rounds) in stands.iter().zip(&mut rounds) {
            let before = processor_seconds(stand.process.id())?;
            let figures = run_apart(&stand.address, &work.ask, connections, LENGTH).await?;
            let spent = processor_seconds(stand.process.id())? - before;
            // The first round warms up.
            if round > 0 {
                rounds.push(Round { processor: spent * 1e6 / figures.answers.max(1) as f64, figures });
            }
        }
    }
    let of = |rounds: &[Round], pick: fn(&Round) -> f64| median(rounds.iter().map(pick).collect());
    let ours = rounds.first().map(|rounds| of(rounds, |r| r.figures.per_second)).unwrap_or_default();
    for ((kind, _), rounds) in stands.iter().zip(&rounds) {
        let per_second = of(rounds, |r| r.figures.per_second);
        println!(
            "| {} | {connections} | {} | {per_second:.0} | {:.2} | {:.2} | {:.1} | {} |",
            work.name,
            kind.name(),
            of(rounds, |r| r.figures.p50),
            of(rounds, |r| r.figures.p99),
            of(rounds, |r| r.processor),
            if *kind == Kind::Ours { String::new() } else { format!("{:.2}", ours / per_second) },
        );
    }
    Ok(())
}

/// What they hold after all of that.
fn memory(stands: &[(Kind, Stand)]) -> anyhow::Result<()> {
    println!("| | MB after `hello` |\n|---|---|");
    for (kind, stand) in stands {
        println!("| {} | {:.1} |", kind.name(), stand.process.resident_bytes()? as f64 / 1e6);
    }
    Ok(())
}
