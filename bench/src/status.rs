//! The status route through guard and component, beside an axum server that makes the same two Redis calls.

use std::time::Duration;

use image2model_tests::client::{Upload, text};
use image2model_tests::redis::Redis;
use image2model_tests::{Product, photo};

use crate::figures::median;
use crate::load::{Figures, run};
use crate::peer;

const ROUNDS: usize = 5;
const LENGTH: Duration = Duration::from_secs(4);
const CONNECTIONS: usize = 32;

/// The product with a job that has ended, and where its status is.
struct Stand {
    redis: Redis,
    product: Product,
    address: String,
    path: String,
}

impl Stand {
    async fn start() -> anyhow::Result<Self> {
        // Product and peer share one.
        let redis = Redis::start()?;
        let product = Product::setup()
            .with("REDIS_URL", redis.url())
            .with("RATE_LIMIT_PER_MINUTE", "100000000")
            .with("RATE_LIMIT_PER_HOUR", "100000000")
            .start()?;
        let client = product.client()?;
        let job = client.upload(&[Upload::new("vase.jpg", photo::jpeg(640, 480, 1)?)], &[]).await?;
        client.ended(text(&job, "job_id")).await?;
        let address = product.url().trim_start_matches("http://").to_owned();
        Ok(Self { redis, product, address, path: format!("/api/v1/status/{}", text(&job, "job_id")) })
    }

    /// Asks the product for a while.
    async fn ask(&self, length: Duration) -> anyhow::Result<Figures> {
        run(&self.address, &self.path, CONNECTIONS, length).await
    }
}

/// Has the product answer for so long, and end by itself.
pub async fn train(length: Duration) -> anyhow::Result<()> {
    let mut stand = Stand::start().await?;
    stand.ask(length).await?;
    stand.product.stop()
}

/// Measures both, taking turns, and prints a table.
pub async fn measure() -> anyhow::Result<()> {
    let mut stand = Stand::start().await?;
    let (_peer, native) = peer::start("peer-status", &[&stand.redis.url()])?;

    let (mut component, mut axum): (Vec<Figures>, Vec<Figures>) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let (a, b) = (stand.ask(LENGTH).await?, run(&native, &stand.path, CONNECTIONS, LENGTH).await?);
        // The first round warms both up.
        if round > 0 {
            component.push(a);
            axum.push(b);
        }
    }
    println!(
        "\n## status: guard + component beside native axum, the same two Redis scripts, {CONNECTIONS} connections\n"
    );
    println!("| | requests/s | p50 ms | p99 ms |\n|---|---|---|---|");
    let row = |name: &str, figures: &[Figures]| {
        let of = |pick: fn(&Figures) -> f64| median(figures.iter().map(pick).collect());
        println!("| {name} | {:.0} | {:.2} | {:.2} |", of(|f| f.per_second), of(|f| f.p50), of(|f| f.p99));
        of(|f| f.per_second)
    };
    let ratio = row("image2model (guard and status component)", &component) / row("native axum", &axum);
    println!("\nratio: {ratio:.2}");
    stand.product.stop()
}
