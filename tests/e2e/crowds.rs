//! More clients than a host has places for.

use std::collections::VecDeque;

use image2model_processes::stranger;
use image2model_tests::client::{Upload, text};
use image2model_tests::{Product, photo};
use reqwest::StatusCode;

const CONNECTIONS: usize = 20_000;
/// Open at a time: a thousand more than the product gives places where it wants none for streams, if a process may open so many.
const HELD: usize = 11_000;
/// Files that the other tests of this process may want.
const FOR_OTHERS: usize = 1_500;

/// What this process may have open.
fn open_files() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    line.split_whitespace().nth(3).unwrap().parse().unwrap_or(usize::MAX)
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_thousand_connections_of_one_client_hurt_nobody() {
    let product = Product::setup().with("MAX_STREAMS", "100").start().unwrap();
    let client = product.client().unwrap();
    let address = product.url().trim_start_matches("http://").parse().unwrap();
    let picture = |n: u32| Upload::new("chair.jpg", photo::jpeg(64, 64, n).unwrap());
    let before = client.upload(&[picture(1)], &[]).await.unwrap();

    let most = HELD.min(open_files().saturating_sub(FOR_OTHERS)).max(200);
    let (mut held, mut opened) = (VecDeque::new(), 0);
    for n in 0..CONNECTIONS {
        if let Ok(connection) = stranger::connect(address, "/api/v1/health", n).await {
            opened += 1;
            held.push_back(connection);
        }
        if held.len() > most {
            held.pop_front();
        }
        if n % 1000 == 0 {
            let answer = client.get("/api/v1/health").await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK, "after {n}: {}", answer.text().await.unwrap());
        }
    }
    assert!(opened > CONNECTIONS * 9 / 10, "only {opened} came through");
    let during = client.upload(&[picture(2)], &[]).await.unwrap();
    for job in [before, during] {
        assert_eq!(client.ended(text(&job, "job_id")).await.unwrap()["status"], "completed");
    }
}
