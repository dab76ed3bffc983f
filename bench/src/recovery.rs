//! How long the files of a worker that was killed wait until another follows them: two worker processes on one Redis, the
//! first with all the files. A file counts from the moment its request is asked for at FAL by the second one. Beside it,
//! the same for a worker that was told to stop.

use std::time::{Duration, Instant};

use image2model_host::worker::WorkerConfig;

use crate::figures::quantile;
use crate::relay::Relay;
use crate::site::Site;

const ROUNDS: usize = 3;
/// As many as all workers make at once by default.
const FILES: u32 = 100;

/// Measures and prints a table.
pub async fn measure() -> anyhow::Result<()> {
    let lease = WorkerConfig::new("", "").lease;
    println!("\n## recovery: {FILES} files of a worker that ends, until another follows them (lease {lease:?})\n");
    println!("| | p50 s | max s |\n|---|---|---|");
    for signal in ["KILL", "TERM"] {
        let mut all = Vec::new();
        for number in 1..=ROUNDS {
            let times = round(signal, lease).await?;
            print(&format!("SIG{signal}, round {number}"), times.clone());
            all.extend(times);
        }
        print(&format!("**SIG{signal}, all**"), all);
    }
    Ok(())
}

fn print(name: &str, times: Vec<f64>) {
    println!("| {name} | {:.2} | {:.2} |", quantile(times.clone(), 0.5), quantile(times, 1.0));
}

/// The seconds that each file waited.
async fn round(signal: &str, lease: Duration) -> anyhow::Result<Vec<f64>> {
    let files = usize::try_from(FILES)?;
    let mut site = Site::start(FILES).await?;
    site.add(files).await?;
    let first = site.setup(FILES).start_worker(site.data.path())?;
    site.under_way().await?;
    // The second one's way to FAL: what passes here, it asked for.
    let relay = Relay::start(site.sim.base_url()).await?;
    let second = site.setup(FILES).with("FAL_QUEUE_URL", format!("{}/queue", relay.url()));
    let _second = second.start_worker(site.data.path())?;
    // Leases are renewed three times in their length: at some point of that.
    tokio::time::sleep(lease.mul_f64(rand::random::<f64>() / 3.0)).await;

    let ended = Instant::now();
    first.signal(signal)?;
    let followed = relay.followed(files, lease * 4).await?;
    let paid = site.sim.submits().await?.len();
    anyhow::ensure!(paid == files, "{files} files were paid {paid} times");
    Ok(followed.into_iter().map(|at| at.saturating_duration_since(ended).as_secs_f64()).collect())
}
