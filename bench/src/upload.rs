//! Upload throughput: multipart through guard, inspector and blob gateway, beside a native hyper server that writes the
//! same bytes to disk.

use std::time::Instant;

use image2model_tests::client::{Upload, http};
use image2model_tests::{Product, photo};

use crate::figures::median;
use crate::peer;

const ROUNDS: usize = 5;
const FILES: usize = 25;
const FILE_BYTES: usize = 10 * 1024 * 1024 - 4096;

/// Measures both, taking turns, and prints a table.
pub async fn measure() -> anyhow::Result<()> {
    let mut product = Product::setup().start()?;
    let client = product.client()?;
    let folder = tempfile::tempdir()?;
    let (_peer, address) = peer::start("peer-upload", &[&folder.path().display().to_string()])?;
    let native = format!("http://{address}/");
    let photograph = bytes::Bytes::from(photo::heavy_jpeg(FILE_BYTES, 1)?);
    let files: Vec<Upload> = (0..FILES).map(|n| Upload::new(&format!("{n}.jpg"), photograph.clone())).collect();
    let body: bytes::Bytes = photograph.repeat(FILES).into();
    let megabytes = body.len() as f64 / 1e6;

    let (mut ours, mut hyper) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let started = Instant::now();
        client.upload(&files, &[("process", "false")]).await?;
        let a = megabytes / started.elapsed().as_secs_f64();
        let started = Instant::now();
        http()?.put(&native).body(body.clone()).send().await?.error_for_status()?;
        let b = megabytes / started.elapsed().as_secs_f64();
        if round > 0 {
            ours.push(a);
            hyper.push(b);
        }
    }
    let (ours, hyper) = (median(ours), median(hyper));
    println!("\n## upload: {FILES} files of 10 MB in one request\n");
    println!("| | MB/s |\n|---|---|\n| image2model (multipart, guard, inspector, blob gateway) | {ours:.0} |");
    println!("| native hyper writing the body to disk | {hyper:.0} |\n\nratio: {:.2}", ours / hyper);
    product.stop()
}
