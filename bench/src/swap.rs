//! Components are swapped while clients ask: 500 requests a second, sent when it is their time and not when the last one
//! was answered, and one component after the other replaced by the same code under another digest. Fails when a request does.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use image2model_tests::client::{Client, Upload, text};
use image2model_tests::process::root;
use image2model_tests::product::image2model;
use image2model_tests::{Product, photo};
use tokio::task::JoinSet;

use crate::figures::quantile;

const PER_SECOND: u32 = 500;
const REQUESTS: u32 = 50_000;
/// From the end of one swap to the beginning of the next.
const PAUSE: Duration = Duration::from_secs(3);
/// Before the first and after the last one, the latencies that the others are held against.
const QUIET: Duration = Duration::from_secs(15);
/// All that answer the measured route, and others beside.
const COMPONENTS: [&str; 6] = ["status", "guard", "web", "download", "admin", "upload"];

/// One answer.
struct Answered {
    /// Since the beginning.
    at: Duration,
    /// From when it should have been sent.
    took: Duration,
}

/// Measures and prints a table.
pub async fn measure() -> anyhow::Result<()> {
    let limits = ["RATE_LIMIT_PER_MINUTE", "RATE_LIMIT_PER_HOUR"];
    let cache = tempfile::tempdir()?;
    let setup = Product::setup().with("COMPILE_CACHE_DIR", cache.path().display().to_string());
    let setup = limits.into_iter().fold(setup, |setup, limit| setup.with(limit, "100000000"));
    let product = setup.start()?;
    let client = product.client()?;
    let job = client.upload(&[Upload::new("vase.jpg", photo::jpeg(640, 480, 1)?)], &[]).await?;
    client.ended(text(&job, "job_id")).await?;
    let path = format!("/api/v1/status/{}", text(&job, "job_id"));

    let begun = Instant::now();
    let length = Duration::from_secs_f64(f64::from(REQUESTS) / f64::from(PER_SECOND));
    let url = product.url().to_owned();
    let swaps = tokio::task::spawn_blocking(move || swap_until(&url, begun, length));
    let (answers, failures) = ask(Arc::new(client), &path, begun).await?;
    let swaps = swaps.await??;

    let during = |at: Duration| swaps.iter().any(|(from, to)| (*from..=*to + Duration::from_secs(1)).contains(&at));
    let (beside, steady): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| during(answer.at));
    println!("\n## swap: {REQUESTS} requests at {PER_SECOND} a second, {} components swapped meanwhile\n", swaps.len());
    println!("| | requests | p50 ms | p99 ms | max ms |\n|---|---|---|---|---|");
    for (name, answers) in [("between swaps", steady), ("during a swap and 1 s after it", beside)] {
        let times: Vec<f64> = answers.iter().map(|answer| answer.took.as_secs_f64() * 1000.0).collect();
        let of = |share| quantile(times.clone(), share);
        println!("| {name} | {} | {:.2} | {:.2} | {:.2} |", times.len(), of(0.5), of(0.99), of(1.0));
    }
    let longest = swaps.iter().map(|(from, to)| (*to - *from).as_secs_f64()).collect();
    println!("\na swap takes {:.1} s (the middle one), with compiling it", quantile(longest, 0.5));
    println!("failed: {} of {REQUESTS}", failures.len());
    ensure!(failures.is_empty(), "requests failed, the first: {}", failures.first().map_or("", String::as_str));
    Ok(())
}

/// Asks at a steady pace; answers what came back, and what failed.
async fn ask(client: Arc<Client>, path: &str, begun: Instant) -> anyhow::Result<(Vec<Answered>, Vec<String>)> {
    let mut under_way = JoinSet::new();
    for n in 0..REQUESTS {
        let due = Duration::from_secs(1) / PER_SECOND * n;
        tokio::time::sleep_until((begun + due).into()).await;
        let (client, path) = (client.clone(), path.to_owned());
        under_way.spawn(async move {
            let answer = client.get(&path).await?;
            ensure!(answer.status() == 200, "it answered {}", answer.status());
            answer.bytes().await?;
            Ok(Answered { at: due, took: begun.elapsed() - due })
        });
    }
    let (mut answers, mut failures) = (Vec::new(), Vec::new());
    while let Some(ended) = under_way.join_next().await {
        match ended? {
            Ok(answer) => answers.push(answer),
            Err(error) => failures.push(format!("{error:#}")),
        }
    }
    Ok((answers, failures))
}

/// Swaps one after the other; answers from when to when each was under way.
fn swap_until(url: &str, begun: Instant, length: Duration) -> anyhow::Result<Vec<(Duration, Duration)>> {
    let folder = tempfile::tempdir()?;
    let mut swaps = Vec::new();
    std::thread::sleep(QUIET);
    for (n, id) in (0..u8::MAX).zip(COMPONENTS.into_iter().cycle()) {
        if begun.elapsed() + QUIET > length {
            break;
        }
        let file = folder.path().join("component.wasm");
        std::fs::write(&file, release(id, n)?)?;
        let from = begun.elapsed();
        let mut command: Command = image2model()?;
        let swap = command.args(["components", "swap", id, "--url", url, "--from"]).arg(&file).output()?;
        ensure!(swap.status.success(), "{id} was not swapped: {}", String::from_utf8_lossy(&swap.stderr));
        swaps.push((from, begun.elapsed()));
        std::thread::sleep(PAUSE);
    }
    Ok(swaps)
}

/// The component as other bytes each time: with a section that nobody reads.
fn release(id: &str, number: u8) -> anyhow::Result<Vec<u8>> {
    let file: PathBuf = root().join(format!("target/wasm32-wasip2/release/image2model_{}.wasm", id.replace('-', "_")));
    let mut bytes = std::fs::read(&file).with_context(|| format!("{} is not built", file.display()))?;
    bytes.extend([0, 3, 1, b'n', number]);
    Ok(bytes)
}
