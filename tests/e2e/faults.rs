//! Things break under the running product, and nothing is lost or paid for twice.

use std::collections::HashSet;
use std::time::Duration;

use image2model_tests::client::{Upload, text};
use image2model_tests::redis::Redis;
use image2model_tests::sim::Sim;
use image2model_tests::{Product, glb, photo};

fn photograph(name: &str, seed: u32) -> Upload {
    Upload::new(name, photo::jpeg(400, 300, seed).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_file_of_three_fails_and_the_others_finish() {
    let product = Product::setup().start().unwrap();
    let client = product.client().unwrap();
    let files = [photograph("a.jpg", 1), photograph("sim-content-policy.jpg", 2), photograph("c.jpg", 3)];
    let job = client.upload(&files, &[]).await.unwrap();
    let status = client.ended(text(&job, "job_id")).await.unwrap();
    assert_eq!(status["status"], "partially_completed", "{status}");
    assert_eq!((status["completed_files"].as_u64(), status["failed_files"].as_u64()), (Some(2), Some(1)));
    let failed = &status["files"][1];
    assert_eq!(failed["status"], "failed");
    assert!(!text(&failed["error"], "code").is_empty() && !text(&failed["error"], "message").is_empty());
    assert_eq!(failed["error"]["retryable"], false);
    assert_eq!(
        client
            .get(&format!("/api/v1/download/{}/{}/model", text(&job, "job_id"), text(failed, "file_id")))
            .await
            .unwrap()
            .status(),
        409
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_files_all_fail_is_failed_everywhere() {
    let product = Product::setup().start().unwrap();
    let client = product.client().unwrap();
    let job = client.upload(&[photograph("sim-content-policy.jpg", 1)], &[]).await.unwrap();
    assert_eq!(client.ended(text(&job, "job_id")).await.unwrap()["status"], "failed");
    let task = client.json(&format!("/api/v1/status/tasks/{}", text(&job, "task_id"))).await.unwrap();
    assert_eq!((text(&task, "status"), text(&task, "state")), ("failed", "FAILURE"));
}

/// Whatever the moment of the kill, each photograph is submitted once and its model arrives.
#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_it_finishes_and_pays_once() {
    let sim = Sim::start("6").unwrap();
    let mut product = Product::setup().with_sim(&sim).start().unwrap();
    let client = product.client().unwrap();
    // Of its first request a worker learns what FAL's history shows: only from then on a submit in doubt can be settled.
    let first = client.upload(&[photograph("first.jpg", 9)], &[]).await.unwrap();
    assert_eq!(client.ended(text(&first, "job_id")).await.unwrap()["status"], "completed");
    let mut uploaded = 1;
    for (round, delay) in [30, 250, 700, 1500].into_iter().enumerate() {
        let files: Vec<Upload> = (0..3).map(|n| photograph(&format!("{round}-{n}.jpg"), n)).collect();
        let job = client.upload(&files, &[]).await.unwrap();
        uploaded += files.len();
        tokio::time::sleep(Duration::from_millis(delay)).await;
        product.process().kill();
        product.start_again().unwrap();
        let status = client.ended(text(&job, "job_id")).await.unwrap();
        assert_eq!(status["status"], "completed", "killed after {delay} ms: {status}");
        for file in status["files"].as_array().unwrap() {
            let model = client.get(text(file, "download_url")).await.unwrap();
            glb::inspect(&model.bytes().await.unwrap()).unwrap();
        }
    }
    let submits = sim.submits().await.unwrap();
    assert_eq!(submits.len(), uploaded, "every submit is one that was asked for: {submits:?}");
    let pictures: HashSet<&str> = submits.iter().map(|s| text(s, "image_url")).collect();
    assert_eq!(pictures.len(), uploaded);
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_goes_and_comes_back() {
    let mut redis = Redis::start_with(&["--appendfsync", "always"]).unwrap();
    let product = Product::setup().with("REDIS_URL", redis.url()).with("FAL_SIM_SPEED", "4").start().unwrap();
    let client = product.client().unwrap();
    let job = client.upload(&[photograph("a.jpg", 1), photograph("b.jpg", 2)], &[]).await.unwrap();
    tokio::time::sleep(Duration::from_millis(600)).await;

    redis.process().stop(Duration::from_secs(20)).unwrap();
    let away = client.get(&format!("/api/v1/status/{}", text(&job, "job_id"))).await.unwrap();
    assert_eq!(away.status(), 503);
    assert!(away.headers().contains_key("retry-after"));
    // Readiness is cached for two seconds.
    let mut ready = client.get("/api/v1/health/ready").await.unwrap().status();
    for _ in 0..100 {
        if ready == 503 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        ready = client.get("/api/v1/health/ready").await.unwrap().status();
    }
    assert_eq!(ready, 503);
    assert_eq!(client.get("/api/v1/health/live").await.unwrap().status(), 200);

    redis.start_again().unwrap();
    let status = client.ended(text(&job, "job_id")).await.unwrap();
    assert_eq!(status["status"], "completed", "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_job_stops() {
    let product = Product::setup().start().unwrap();
    let client = product.client().unwrap();
    let job = client.upload(&[photograph("sim-slow.jpg", 1), photograph("sim-slow-too.jpg", 2)], &[]).await.unwrap();
    let path = format!("/api/v1/jobs/{}", text(&job, "job_id"));
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(client.request(reqwest::Method::DELETE, &path).send().await.unwrap().status(), 202);
    assert_eq!(client.ended(text(&job, "job_id")).await.unwrap()["status"], "cancelled");
    assert_eq!(client.request(reqwest::Method::DELETE, &path).send().await.unwrap().status(), 202, "it is idempotent");
}
