//! Bytes on their way: memory stays flat, slow readers are waited for, readers that leave are not.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use image2model_tests::Product;
use image2model_tests::client::{Client, Upload, text};
use serde_json::Value;

use super::archive_contents::Contents;
use super::{ended, photograph, quick};

/// What each of many models is made as large as: none of the archive's bytes are held in memory, so they may be many.
const LARGE: u64 = 16 << 20;
/// More than all the buffers between a model's file and a client that does not read.
const VERY_LARGE: u64 = 64 << 20;
/// What the product may grow by while it sends: buffers, and nothing that grows with the models.
const MEMORY: u64 = 48 << 20;

async fn models(client: &Client, count: u32) -> Value {
    let files: Vec<Upload> = (0..count).map(|n| photograph(&format!("{n}.jpg"), n)).collect();
    ended(client, &files).await
}

/// Makes the stored models large, where they lie.
fn enlarge(product: &Product, status: &Value, size: u64) {
    for file in status["files"].as_array().unwrap() {
        let name = format!("results/{}/{}_model.glb", text(status, "job_id"), text(file, "file_id"));
        std::fs::File::options().write(true).open(product.data().join(name)).unwrap().set_len(size).unwrap();
    }
}

/// How many files of the results folder the product has open.
fn open_results(product: &mut Product) -> usize {
    let fds = std::fs::read_dir(format!("/proc/{}/fd", product.process().id())).unwrap();
    let targets = fds.filter_map(|fd| std::fs::read_link(fd.ok()?.path()).ok());
    targets.filter(|target| target.to_string_lossy().contains("/results/")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_stays_flat_while_archives_are_sent() {
    let product = quick().start().unwrap();
    let client = product.client().unwrap();
    let status = models(&client, 25).await;
    let all = format!("/api/v1/download/{}/all?format=zip", text(&status, "job_id"));
    Contents::of(client.get(&all).await.unwrap()).await;
    let before = product.resident_bytes().unwrap();
    enlarge(&product, &status, LARGE);
    let mut answer = client.get(&all).await.unwrap();
    let announced: u64 = answer.headers()["content-length"].to_str().unwrap().parse().unwrap();
    assert!(announced > 25 * LARGE);
    let (mut arrived, mut peak, mut looked) = (0, before, 0);
    while let Some(chunk) = answer.chunk().await.unwrap() {
        arrived += chunk.len() as u64;
        if arrived - looked > LARGE / 4 {
            looked = arrived;
            peak = peak.max(product.resident_bytes().unwrap());
        }
    }
    assert_eq!(arrived, announced);
    let grown = peak.saturating_sub(before);
    assert!(grown <= MEMORY, "the product grew by {} MiB", grown >> 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_is_waited_for_and_one_that_leaves_is_not() {
    let mut product = quick().start().unwrap();
    let client = product.client().unwrap();
    let status = models(&client, 3).await;
    enlarge(&product, &status, VERY_LARGE);
    let all = format!("/api/v1/download/{}/all?format=zip", text(&status, "job_id"));
    let before = product.resident_bytes().unwrap();

    let mut slow = client.get(&all).await.unwrap();
    let announced: u64 = slow.headers()["content-length"].to_str().unwrap().parse().unwrap();
    let mut arrived = slow.chunk().await.unwrap().unwrap().len() as u64;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let grown = product.resident_bytes().unwrap().saturating_sub(before);
    assert!(grown <= MEMORY, "the product reads ahead of its client: {} MiB", grown >> 20);
    assert_eq!(open_results(&mut product), 1, "one model at a time");
    while let Some(chunk) = slow.chunk().await.unwrap() {
        arrived += chunk.len() as u64;
    }
    assert_eq!(arrived, announced, "it was waited for");
    nothing_left(&mut product).await;

    for path in [all, super::model_path(&status, 0)] {
        let mut leaving = TcpStream::connect(product.url().trim_start_matches("http://")).unwrap();
        write!(leaving, "GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        leaving.read_exact(&mut [0; 100_000]).unwrap();
        assert_eq!(open_results(&mut product), 1, "{path} is being sent");
        drop(leaving);
        nothing_left(&mut product).await;
    }
}

/// Waits until no model is open any more; a minute at most.
async fn nothing_left(product: &mut Product) {
    for _ in 0..600 {
        if open_results(product) == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("a model is still being read for a client that is gone");
}
