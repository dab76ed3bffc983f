//! What no job knows is removed without anybody asking, beside jobs that run.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use image2model_tests::Product;
use image2model_tests::client::text;
use image2model_tests::exposition::{Dialect, parse};
use reqwest::Method;

use super::{photograph, send};

const TWO_HOURS: Duration = Duration::from_secs(7200);

fn set_back(path: &Path) {
    std::fs::File::options().write(true).open(path).unwrap().set_modified(SystemTime::now() - TWO_HOURS).unwrap();
}

/// As an upload leaves it whose component died before it made the job.
fn orphan(folder: &Path) -> PathBuf {
    std::fs::create_dir_all(folder).unwrap();
    for name in ["a_original.jpg", "b_original.jpg#1"] {
        std::fs::write(folder.join(name), "a picture").unwrap();
        set_back(&folder.join(name));
    }
    folder.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn blobs_of_a_job_that_was_never_made_go_and_those_of_jobs_that_wait_stay() {
    let product = Product::setup().with("SWEEP_INTERVAL_SECONDS", "1").start().unwrap();
    let client = product.client().unwrap();
    let uploads = product.data().join("uploads");
    let set = async |queue: &str, to: &str| {
        send(&client, Method::POST, &format!("/api/v1/admin/queues/{queue}/{to}")).await.0
    };
    assert_eq!((set("maintenance", "pause").await, set("batch_processing", "pause").await), (200, 200));
    let job = client.upload(&[photograph("a.jpg", 1)], &[]).await.unwrap();
    let own = uploads.join(text(&job, "job_id"));
    let images: Vec<PathBuf> = std::fs::read_dir(&own).unwrap().map(|entry| entry.unwrap().path()).collect();
    images.iter().for_each(|path| set_back(path));
    let orphan = orphan(&uploads.join("0123456789abcdef0123456789abcdef"));
    // Long enough for several sweeps, if there were any.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(orphan.exists(), "the queue is paused");

    assert_eq!(set("maintenance", "resume").await, 200);
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while orphan.exists() {
        assert!(std::time::Instant::now() < deadline, "it stays");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(images.iter().all(|path| path.exists()));
    assert_eq!(set("batch_processing", "resume").await, 200);
    assert_eq!(client.ended(text(&job, "job_id")).await.unwrap()["status"], "completed");

    let counted = async || {
        let metrics = client.get("/metrics").await.unwrap().text().await.unwrap();
        let samples = parse(&metrics, Dialect::Prometheus).unwrap();
        ["orphaned", "staged"].map(|why| samples[&format!("image2model_blobs_removed_total{{why=\"{why}\"}}")])
    };
    // What was gathered is good for two seconds.
    while counted().await != [1.0, 1.0] {
        assert!(std::time::Instant::now() < deadline, "{:?}", counted().await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
