//! Cancelling: what waits never starts, what runs is cancelled at FAL, and what was stored goes.

use std::path::Path;
use std::time::{Duration, Instant};

use image2model_tests::Product;
use image2model_tests::client::{Upload, text};
use image2model_tests::sim::Sim;
use reqwest::Method;
use serde_json::json;

use super::{accepted, photograph, refused, until};

const SINGLE: &str = "/api/v1/models/generate-single";

fn blobs(data: &Path, area: &str, job: &str) -> Vec<String> {
    let entries = std::fs::read_dir(data.join(area).join(job)).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

async fn gone(data: &Path, area: &str, job: &str, wanted: impl Fn(&[String]) -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let names = blobs(data, area, job);
        if wanted(&names) {
            return;
        }
        assert!(Instant::now() < deadline, "still there: {names:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_cancelled_mid_way_keeps_what_was_paid_and_nothing_else() {
    let sim = Sim::start("20").unwrap();
    // Two at a time: the third is made after the first, the fourth waits until the end.
    let product = Product::setup().with_sim(&sim).with("MAX_CONCURRENT_TASKS", "2").start().unwrap();
    let client = product.client().unwrap();
    let names = ["done.jpg", "sim-slow-one.jpg", "sim-slow-two.jpg", "never.jpg"];
    let files: Vec<Upload> = names.iter().zip(0..).map(|(name, n)| photograph(name, n)).collect();
    let job = client.upload(&files, &[]).await.unwrap();
    let id = text(&job, "job_id").to_owned();
    let file = |n: usize| text(&job["files"][n], "file_id").to_owned();
    until(&client, &id, |status| {
        status["files"][0]["status"] == "completed"
            && status["files"][1]["status"] == "processing"
            && status["files"][2]["status"] == "processing"
    })
    .await;
    let path = format!("/api/v1/jobs/{id}");
    for _ in 0..2 {
        assert_eq!(client.request(Method::DELETE, &path).send().await.unwrap().status(), 202);
    }
    let status = client.ended(&id).await.unwrap();
    assert_eq!((&status["status"], &status["completed_files"]), (&json!("partially_completed"), &json!(1)), "{status}");
    assert_eq!(status["cancelled_files"], 3);
    let requests = sim.submits().await.unwrap();
    assert_eq!(requests.len(), 3, "the fourth was never sent: {requests:?}");
    assert_eq!(requests.iter().filter(|request| request["cancel_requested"] == true).count(), 2, "{requests:?}");

    let first = file(0);
    gone(product.data(), "uploads", &id, |names| {
        names.iter().all(|name| name.starts_with(&first) || name == "metadata.json") && names.len() == 2
    })
    .await;
    let model = client.get(&format!("/api/v1/download/{id}/{first}/model?stream=1")).await.unwrap();
    assert_eq!(model.status(), 200);
    let retry = refused(&client, &format!("/api/v1/jobs/{id}/retry"), &json!({})).await;
    assert_eq!(retry, (409, "NOTHING_TO_RETRY".to_owned()));
    let again = |n| json!({ "job_id": id, "file_id": file(n) });
    assert_eq!(refused(&client, SINGLE, &again(3)).await, (409, "JOB_CANCELLED".to_owned()));
    assert_eq!(client.request(Method::DELETE, &path).send().await.unwrap().status(), 202, "it is idempotent");

    // What is kept can be made again, and the cancel that is over does not reach that.
    accepted(&client, SINGLE, &again(0)).await;
    let status = client.ended(&id).await.unwrap();
    assert_eq!((&status["status"], &status["completed_files"]), (&json!("partially_completed"), &json!(2)), "{status}");
    assert_eq!(sim.submits().await.unwrap().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_file_is_cancelled_and_the_others_go_on_and_then_all_of_it_is_erased() {
    let sim = Sim::start("20").unwrap();
    let product = Product::setup().with_sim(&sim).start().unwrap();
    let client = product.client().unwrap();
    let files = [photograph("done.jpg", 1), photograph("sim-slow.jpg", 2)];
    let job = client.upload(&files, &[]).await.unwrap();
    let (id, slow) = (text(&job, "job_id").to_owned(), text(&job["files"][1], "file_id").to_owned());
    until(&client, &id, |status| status["files"][1]["status"] == "processing").await;
    let path = format!("/api/v1/jobs/{id}/files/{slow}");
    for _ in 0..2 {
        let answer = client.request(Method::DELETE, &path).send().await.unwrap();
        assert_eq!(answer.status(), 202);
        assert_eq!(text(&answer.json().await.unwrap(), "file_id"), slow);
    }
    let status = client.ended(&id).await.unwrap();
    assert_eq!(status["status"], "partially_completed", "{status}");
    let of_another = format!("/api/v1/jobs/{id}/files/{}", "0".repeat(32));
    assert_eq!(client.request(Method::DELETE, &of_another).send().await.unwrap().status(), 404);

    let erase = async |id: &str| {
        let answer = client.request(Method::DELETE, &format!("/api/v1/jobs/{id}/data")).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<serde_json::Value>().await.unwrap()["erased"].clone())
    };
    assert_eq!(erase(&id).await, (200, json!(true)));
    assert_eq!(client.get(&format!("/api/v1/status/{id}")).await.unwrap().status(), 404);
    assert_eq!(client.json("/api/v1/jobs").await.unwrap()["jobs"], json!([]));
    for area in ["uploads", "results"] {
        gone(product.data(), area, &id, <[String]>::is_empty).await;
    }

    // One that runs is cancelled first, at the provider too, and is gone a moment after its end.
    let job = client.upload(&[photograph("sim-slow.jpg", 3), photograph("also.jpg", 4)], &[]).await.unwrap();
    let id = text(&job, "job_id").to_owned();
    until(&client, &id, |status| {
        status["files"][0]["status"] == "processing" && status["files"][1]["status"] == "completed"
    })
    .await;
    assert_eq!(erase(&id).await, (202, json!(false)));
    client.ended(&id).await.unwrap();
    for area in ["uploads", "results"] {
        gone(product.data(), area, &id, <[String]>::is_empty).await;
    }
    let requests = sim.submits().await.unwrap();
    assert_eq!(requests.iter().filter(|request| request["cancel_requested"] == true).count(), 2, "{requests:?}");
    assert_eq!(requests.len(), 4, "nothing was sent twice: {requests:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_job_leaves_nothing_when_it_is_cancelled() {
    let product = Product::setup().start().unwrap();
    let client = product.client().unwrap();
    let job = client.upload(&[photograph("a.jpg", 1)], &[("process", "false")]).await.unwrap();
    let id = text(&job, "job_id");
    assert_eq!(blobs(product.data(), "uploads", id).len(), 2);
    let answer = client.request(Method::DELETE, &format!("/api/v1/jobs/{id}")).send().await.unwrap();
    assert_eq!(answer.status(), 202);
    assert_eq!(client.ended(id).await.unwrap()["status"], "cancelled");
    gone(product.data(), "uploads", id, <[String]>::is_empty).await;
}
