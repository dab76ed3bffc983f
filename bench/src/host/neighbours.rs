//! A fast component while another one computes: what the fast one's callers notice.

use std::time::Duration;

use super::load::{Ask, Figures, run_apart};
use super::stand::{Ground, Kind};
use super::work::Guest;
use crate::figures::median;

const ROUNDS: usize = 5;
const LENGTH: Duration = Duration::from_secs(3);
const FAST: usize = 8;
/// Requests that compute, at a time.
const COMPUTING: usize = 2;

/// Measures and prints a table. `wasmtime serve` has one component, so there the fast requests ask the one that computes.
pub async fn measure(ground: &Ground) -> anyhow::Result<()> {
    println!("\n### neighbours: {FAST} connections ask for little while {COMPUTING} have a component compute\n");
    println!(
        "| | alone: p50 ms | p99 ms | beside: p50 ms | p99 ms | requests/s of the fast |\n|---|---|---|---|---|---|"
    );
    for kind in Kind::present().into_iter().filter(|kind| *kind != Kind::Axum) {
        let stand = ground.start(kind, &[Guest::Faults, Guest::Hello])?;
        let fast = Ask::get(if kind == Kind::Wasmtime { "/" } else { "/hello" });
        let (mut alone, mut beside) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            alone.push(run_apart(&stand.address, &fast, FAST, LENGTH).await?);
            let computing = Ask::get("/compute");
            let (with, computed) = tokio::join!(
                run_apart(&stand.address, &fast, FAST, LENGTH),
                run_apart(&stand.address, &computing, COMPUTING, LENGTH)
            );
            computed?;
            beside.push(with?);
        }
        let of = |of: &[Figures], pick: fn(&Figures) -> f64| median(of.iter().map(pick).collect());
        println!(
            "| {} | {:.2} | {:.2} | {:.2} | {:.2} | {:.0} |",
            kind.name(),
            of(&alone, |f| f.p50),
            of(&alone, |f| f.p99),
            of(&beside, |f| f.p50),
            of(&beside, |f| f.p99),
            of(&beside, |f| f.per_second)
        );
    }
    Ok(())
}
