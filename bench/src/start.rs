//! From the start of the process to the first answer of every part: with nothing compiled, and with the compile cache.

use std::time::Instant;

use image2model_tests::Product;

use crate::figures::median;

const ROUNDS: usize = 3;

/// Starts the product on a fresh data folder, and again on the same one.
pub fn measure() -> anyhow::Result<()> {
    let (mut cold, mut warm) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let cache = tempfile::tempdir()?;
        let mut product = Product::setup().with("COMPILE_CACHE_DIR", cache.path().display().to_string()).start()?;
        cold.push(started.elapsed().as_secs_f64());
        for _ in 0..ROUNDS {
            product.stop()?;
            let started = Instant::now();
            product.start_again()?;
            warm.push(started.elapsed().as_secs_f64());
        }
    }
    let (cold, warm) = (median(cold), median(warm));
    println!("\n## start: process start to every part ready (Redis, simulator, components, worker, streams)\n");
    println!(
        "| | seconds |\n|---|---|\n| cold, every component compiled | {cold:.2} |\n| with the compile cache | {warm:.2} |"
    );
    println!("\nratio: {:.2}", cold / warm);
    Ok(())
}
