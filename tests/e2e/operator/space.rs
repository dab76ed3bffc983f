//! Before the disk is full uploads are refused, whatever is at work ends well, and all of it is told.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use image2model_tests::Product;
use image2model_tests::client::text;
use image2model_tests::exposition::{Dialect, parse};
use image2model_tests::kept::stored_in;
use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::{Value, json};

use super::{photograph, send};

const MEGABYTE: u64 = 1 << 20;

/// A folder on a file system that hardly anybody else uses at the same time, where there is one.
fn shelf() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

fn free_bytes(folder: &Path) -> u64 {
    let said = Command::new("df").arg("-Pk").arg(folder).output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    let available = said.lines().last().and_then(|line| line.split_whitespace().nth(3)).unwrap();
    available.parse::<u64>().unwrap() * 1024
}

fn fill(path: &Path, bytes: u64) {
    let (mut file, piece) = (std::fs::File::create(path).unwrap(), vec![1; usize::try_from(MEGABYTE).unwrap()]);
    (0..bytes / MEGABYTE).for_each(|_| file.write_all(&piece).unwrap());
    file.sync_all().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_stop_before_the_disk_is_full_and_nothing_else_does() {
    let shelf = shelf();
    let (uploads, ballast) = (shelf.path().join("uploads"), shelf.path().join("ballast"));
    let free = free_bytes(shelf.path());
    let margin = (64 * MEGABYTE).min(free / 4);
    let product = Product::setup()
        .with("UPLOAD_DIR", uploads.display().to_string())
        .with("RESULTS_DIR", shelf.path().join("results").display().to_string())
        .with("MIN_FREE_DISK", (free - margin).to_string())
        .start()
        .unwrap();
    let client = product.client().unwrap();
    let queue = "/api/v1/admin/queues/batch_processing";
    assert_eq!(send(&client, Method::POST, &format!("{queue}/pause")).await.0, 200);
    let keyed = async |key: &str| {
        let form = Form::new().part("files", photograph("a.jpg", 1).part().unwrap());
        let request = client.request(Method::POST, "/api/v1/upload").header("idempotency-key", key);
        request.multipart(form).send().await.unwrap()
    };
    let before: Value = keyed("once").await.json().await.unwrap();

    fill(&ballast, 2 * margin);
    let refused = client.post_upload(&[photograph("a.jpg", 2)], &[]).await.unwrap();
    assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (503, &"60".parse().unwrap()));
    let refused: Value = refused.json().await.unwrap();
    assert_eq!((&refused["error_code"], &refused["error"]), (&json!("STORAGE_FULL"), &json!(true)), "{refused}");
    // What was made before is answered all the same, and needs no room.
    assert_eq!(keyed("once").await.json::<Value>().await.unwrap(), before);
    assert_eq!(keyed("another").await.status(), 503);
    let kept: Vec<_> = stored_in(&uploads).collect();
    assert_eq!(kept, [uploads.join(text(&before, "job_id"))], "something of the refused upload was kept");

    let health = client.until("/health/ready", |health| health["checks"]["disk_space"] == "failed").await.unwrap();
    assert_eq!(health["status"], "not_ready");
    let disk = &client.json("/api/v1/admin/system-info").await.unwrap()["disk"];
    assert_eq!(
        (&disk["takes_uploads"], &disk["min_free_bytes"]),
        (&json!(false), &json!(free - margin)),
        "the same judgement"
    );
    let metrics = client.get("/metrics").await.unwrap().text().await.unwrap();
    let samples = parse(&metrics, Dialect::Prometheus).unwrap();
    assert_eq!(samples["image2model_check_ok{check=\"disk_space\"}"], 0.0);
    assert!(samples["image2model_disk_free_bytes"] < samples["image2model_disk_min_free_bytes"], "{metrics}");
    assert_eq!(send(&client, Method::POST, &format!("{queue}/resume")).await.0, 200);
    let ended = client.ended(text(&before, "job_id")).await.unwrap();
    assert_eq!(ended["status"], "completed", "what was at work ends well: {ended}");

    std::fs::remove_file(&ballast).unwrap();
    let after = client.upload(&[photograph("a.jpg", 2)], &[]).await.unwrap();
    assert_eq!(client.ended(text(&after, "job_id")).await.unwrap()["status"], "completed");
    client.until("/health/ready", |health| health["status"] == "ready").await.unwrap();
}
