//! Webhooks: the owner of a job is told of its end, signed, whatever happens in between.

use std::time::Duration;

use image2model_tests::Product;
use image2model_tests::client::text;
use image2model_tests::kept::stored_in;
use image2model_tests::receiver::Receiver;
use serde_json::{Value, json};

use super::{accepted, photograph, until};

fn setup() -> image2model_tests::product::Setup {
    Product::setup().with("WEBHOOK_ALLOWED_HOSTS", "127.0.0.1").with("WEBHOOK_RETRY_SECONDS", "1")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_is_told_after_two_refusals() {
    let receiver = Receiver::start(&[500, 500]).await.unwrap();
    let product = setup().start().unwrap();
    let client = product.client().unwrap();
    let files = [photograph("a.jpg", 1), photograph("sim-content-policy.jpg", 2)];
    let job = client.upload(&files, &[("webhook_url", &receiver.url())]).await.unwrap();
    let (id, secret) = (text(&job, "job_id"), text(&job, "webhook_secret"));
    let calls = receiver.wait_for(3).await.unwrap();
    for call in &calls {
        assert!(call.is_signed_with(secret).unwrap(), "{call:?}");
        assert_eq!((call.header("webhook-id"), &call.body), (calls[0].header("webhook-id"), &calls[0].body));
        assert_eq!(call.header("content-type"), "application/json");
    }
    let body: Value = serde_json::from_str(&calls[2].body).unwrap();
    assert_eq!((text(&body, "event"), text(&body, "job_id")), ("job.partially_completed", id));
    assert_eq!((&body["completed_files"], &body["failed_files"]), (&json!(1), &json!(1)));
    let status = until(&client, id, |status| status["webhook"]["status"] == "delivered").await;
    assert_eq!((&status["webhook"]["attempts"], &status["webhook"]["response_status"]), (&json!(3), &json!(204)));
    assert!(!status.to_string().contains(secret) && !status.to_string().contains("for=tests"));
    // A retry ends the job once more, and that is told as well.
    accepted(&client, &format!("/api/v1/jobs/{id}/retry"), &json!({})).await;
    let calls = receiver.wait_for(4).await.unwrap();
    assert_ne!(calls[3].header("webhook-id"), calls[0].header("webhook-id"));
    assert!(calls[3].is_signed_with(secret).unwrap());
}

/// Killed when the job has ended and nobody has been told: told after the next start.
#[tokio::test(flavor = "multi_thread")]
async fn an_end_is_not_forgotten_in_a_crash() {
    let receiver = Receiver::start(&[503]).await.unwrap();
    let mut product = setup().with("WEBHOOK_RETRY_SECONDS", "5").start().unwrap();
    let client = product.client().unwrap();
    let job = client.upload(&[photograph("a.jpg", 1)], &[("webhook_url", &receiver.url())]).await.unwrap();
    receiver.wait_for(1).await.unwrap();
    product.process().kill();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(receiver.calls().len(), 1);
    product.start_again().unwrap();
    let calls = receiver.wait_for(2).await.unwrap();
    assert_eq!((calls[1].header("webhook-id"), &calls[1].body), (calls[0].header("webhook-id"), &calls[0].body));
    assert!(calls[1].is_signed_with(text(&job, "webhook_secret")).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_file_can_be_told_of_on_its_own() {
    let receiver = Receiver::start(&[]).await.unwrap();
    let product = setup().start().unwrap();
    let client = product.client().unwrap();
    let files = [photograph("a.jpg", 1), photograph("b.jpg", 2)];
    let job = client.upload(&files, &[("process", "false")]).await.unwrap();
    let file = text(&job["files"][0], "file_id");
    let order = json!({ "job_id": text(&job, "job_id"), "file_id": file, "webhook_url": receiver.url() });
    let answer = accepted(&client, "/api/v1/models/generate-single", &order).await;
    let calls = receiver.wait_for(1).await.unwrap();
    assert!(calls[0].is_signed_with(text(&answer, "webhook_secret")).unwrap());
    let body: Value = serde_json::from_str(&calls[0].body).unwrap();
    assert_eq!(
        (text(&body, "event"), text(&body, "file_id"), text(&body["file"], "status")),
        ("file.completed", file, "completed")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_public_https_is_called_unless_the_operator_says_so() {
    let product = Product::setup().start().unwrap();
    let client = product.client().unwrap();
    for url in [
        "http://example.com/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://169.254.169.254/latest",
        "https://user:pass@example.com/",
        "https://localhost/",
        "https://2130706433/",
        "ftp://example.com/",
        "nonsense",
    ] {
        let answer = client.post_upload(&[photograph("a.jpg", 1)], &[("webhook_url", url)]).await.unwrap();
        let status = answer.status();
        let problem: Value = answer.json().await.unwrap();
        assert_eq!((status.as_u16(), &problem["details"]["field"]), (422, &json!("webhook_url")), "{url}: {problem}");
    }
    let left = stored_in(&product.data().join("uploads")).count();
    assert_eq!(left, 0, "nothing of a refused upload stays");
}
