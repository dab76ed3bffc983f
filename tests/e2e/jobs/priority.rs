//! Which of a caller's own files come first.

use image2model_tests::Product;
use image2model_tests::client::text;
use image2model_tests::sim::Sim;
use serde_json::json;

use super::{accepted, photograph, refused};

/// With one model at a time, what was asked for last is made before what waits, and what may wait last of all.
#[tokio::test(flavor = "multi_thread")]
async fn files_are_taken_up_by_their_priority() {
    let sim = Sim::start("5").unwrap();
    let product = Product::setup().with_sim(&sim).with("MAX_CONCURRENT_TASKS", "1").start().unwrap();
    let client = product.client().unwrap();
    let mut jobs = Vec::new();
    for (name, priority) in [("first", "normal"), ("low", "low"), ("normal", "normal"), ("high", "high")] {
        let photo = [photograph(&format!("{name}.jpg"), 7)];
        jobs.push(text(&client.upload(&photo, &[("priority", priority)]).await.unwrap(), "job_id").to_owned());
    }
    // Stored before, and asked for last.
    let stored = client.upload(&[photograph("stored.jpg", 8)], &[("process", "false")]).await.unwrap();
    let (job, file) = (text(&stored, "job_id"), text(&stored["files"][0], "file_id"));
    let order = json!({ "job_id": job, "file_id": file, "priority": "urgent" });
    assert_eq!(refused(&client, "/api/v1/models/generate-single", &order).await, (422, "VALIDATION_ERROR".to_owned()));
    let order = json!({ "job_id": job, "file_id": file, "priority": "high" });
    accepted(&client, "/api/v1/models/generate-single", &order).await;
    jobs.push(job.to_owned());
    for job in &jobs {
        assert_eq!(client.ended(job).await.unwrap()["status"], "completed");
    }
    let made: Vec<String> =
        sim.submits().await.unwrap().iter().map(|request| text(&request["input"], "image_url").to_owned()).collect();
    let at = |name: &str| made.iter().position(|url| url.ends_with(&format!("{name}.jpg"))).unwrap();
    assert_eq!(at("first"), 0, "{made:?}");
    assert!(at("high") < at("normal") && at("stored") < at("normal") && at("normal") < at("low"), "{made:?}");
}
