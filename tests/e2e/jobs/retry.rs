//! Retrying: what failed is made after all, and nothing is paid for twice.

use std::time::{SystemTime, UNIX_EPOCH};

use image2model_tests::Product;
use image2model_tests::client::{Upload, text};
use image2model_tests::sim::Sim;
use reqwest::Method;
use serde_json::{Value, json};

use super::{accepted, photograph, post, refused};

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_is_made_and_what_was_made_is_not_paid_again() {
    let sim = Sim::start("20").unwrap();
    let product = Product::setup().with_sim(&sim).start().unwrap();
    let client = product.client().unwrap();
    // Two of three cannot be brought to FAL for as long as the fault lasts.
    sim.arm(&json!({ "call": "initiate", "fault": "not-found", "times": 2 })).await.unwrap();
    let files: Vec<Upload> = (0..3).map(|n| photograph(&format!("{n}.jpg"), n)).collect();
    let job = client.upload(&files, &[]).await.unwrap();
    let (id, retry) = (text(&job, "job_id"), format!("/api/v1/jobs/{}/retry", text(&job, "job_id")));
    let before = client.ended(id).await.unwrap();
    assert_eq!((&before["status"], &before["failed_files"]), (&json!("partially_completed"), &json!(2)), "{before}");

    let answer = accepted(&client, &retry, &json!({})).await;
    assert_eq!((&answer["retried_files"], &answer["status"]), (&json!(2), &json!("processing")));
    // The stream goes on, and ends with the job's second end.
    let events = client.events(&format!("/api/v1/status/stream/{id}"), None).await.unwrap();
    let last = &events.last().unwrap().2;
    assert_eq!((&last["type"], &last["status"]), (&json!("job"), &json!("completed")), "{last}");
    let after = client.ended(id).await.unwrap();
    assert_eq!((&after["status"], &after["completed_files"]), (&json!("completed"), &json!(3)), "{after}");
    let restarts: u64 = after["files"].as_array().unwrap().iter().filter_map(|file| file["restarts"].as_u64()).sum();
    assert_eq!(restarts, 2);
    assert_eq!(sim.submits().await.unwrap().len(), 3, "one a file");
    assert_eq!(refused(&client, &retry, &json!({})).await, (409, "NOTHING_TO_RETRY".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_jobs_token_is_good_for_as_long_as_the_job_is_renewed_and_no_longer() {
    let setup = Product::setup().with("API_KEY", "user-key").with("JOB_ACCESS", "owner").with("JOB_TTL_SECONDS", "60");
    let product = setup.start().unwrap();
    let (owner, nobody) = (product.client_with_key("user-key").unwrap(), product.client().unwrap());
    let job = owner.upload(&[photograph("a.jpg", 1)], &[]).await.unwrap();
    let (id, token) = (text(&job, "job_id"), text(&job, "access_token"));
    owner.ended(id).await.unwrap();
    // Nobody waits for a retry after two minutes here: the token itself says when it ends.
    let ends_at = u64::from_str_radix(token.split('.').next().unwrap(), 16).unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    assert!(ends_at > now + 9 * 366 * 86_400, "{ends_at}");

    let path = format!("/api/v1/status/{id}?access_token={token}");
    assert_eq!(nobody.get(&path).await.unwrap().status(), 200);
    let erased = owner.request(Method::DELETE, &format!("/api/v1/jobs/{id}/data")).send().await.unwrap();
    assert!(erased.status().is_success(), "{}", erased.status());
    assert_eq!(nobody.get(&path).await.unwrap().status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_failed_can_be_named() {
    let product = Product::setup().start().unwrap();
    let client = product.client().unwrap();
    let files = [photograph("a.jpg", 1), photograph("sim-content-policy.jpg", 2)];
    let job = client.upload(&files, &[]).await.unwrap();
    let id = text(&job, "job_id").to_owned();
    client.ended(&id).await.unwrap();
    let retry = format!("/api/v1/jobs/{id}/retry");
    let done = text(&job["files"][0], "file_id");
    assert_eq!(refused(&client, &retry, &json!({ "files": [done] })).await, (409, "FILE_NOT_FAILED".to_owned()));
    assert_eq!(refused(&client, &retry, &json!({ "files": [id] })).await, (404, "FILE_NOT_FOUND".to_owned()));
    for bad in [json!({ "files": ["../x"] }), json!({ "file": [] }), json!([1])] {
        assert_eq!(refused(&client, &retry, &bad).await, (422, "VALIDATION_ERROR".to_owned()), "{bad}");
    }
    let none: Value = post(&client, &retry, &json!({ "files": [] })).await.json().await.unwrap();
    assert_eq!((&none["status"], &none["details"]["field"]), (&json!(422), &json!("files")), "{none}");
    let unknown = format!("/api/v1/jobs/{}/retry", "0".repeat(32));
    assert_eq!(refused(&client, &unknown, &json!({})).await, (404, "JOB_NOT_FOUND".to_owned()));
    // Retried, and refused by the provider as before: the job ends once more.
    let failed = text(&job["files"][1], "file_id");
    accepted(&client, &retry, &json!({ "files": [failed] })).await;
    let status = client.ended(&id).await.unwrap();
    assert_eq!((&status["status"], &status["files"][1]["attempts"]), (&json!("partially_completed"), &json!(2)));
}
