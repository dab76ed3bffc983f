//! Every field that the contract names, at every stage of a job, and one shape under every name.

use image2model_domain::time::parse_rfc3339;
use image2model_tests::client::text;
use image2model_tests::{Client, Product};
use reqwest::Method;
use serde_json::Value;

use super::{header, photograph};

const OF_A_JOB: [&str; 17] = [
    "job_id",
    "task_id",
    "status",
    "progress",
    "overall_progress",
    "total_files",
    "completed_files",
    "failed_files",
    "cancelled_files",
    "created_at",
    "updated_at",
    "completed_at",
    "expires_at",
    "eta_seconds",
    "queue_position",
    "files",
    "links",
];
const OF_A_FILE: [&str; 10] = [
    "file_id",
    "filename",
    "status",
    "progress",
    "message",
    "model_url",
    "download_url",
    "rendered_image",
    "error",
    "attempts",
];

fn is_whole(status: &Value) {
    for name in OF_A_JOB {
        assert!(status.get(name).is_some(), "{name} is missing: {status}");
    }
    for file in status["files"].as_array().unwrap() {
        for name in OF_A_FILE {
            assert!(file.get(name).is_some(), "{name} is missing: {file}");
        }
    }
}

/// Seconds from the one time of a job to the other.
fn seconds_between(status: &Value, from: &str, to: &str) -> i64 {
    let at = |name| parse_rfc3339(text(status, name)).unwrap();
    (at(to) - at(from)) / 1000
}

async fn links_lead_somewhere(client: &Client, status: &Value) {
    for (name, link) in status["links"].as_object().unwrap() {
        if name != "stream" {
            let answer = client.request(Method::HEAD, link.as_str().unwrap()).send().await.unwrap();
            assert_eq!(answer.status(), 200, "{name}: {link}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_is_there_at_every_stage() {
    let product = Product::setup().start().unwrap();
    let client = product.client().unwrap();
    let stored = client.upload(&[photograph("a.jpg", 1)], &[("process", "false")]).await.unwrap();
    let pending = client.json(&format!("/api/v1/status/{}", text(&stored, "job_id"))).await.unwrap();
    is_whole(&pending);
    assert_eq!(seconds_between(&pending, "created_at", "expires_at"), 86_400, "{pending}");
    assert_eq!((text(&pending, "status"), &pending["eta_seconds"]), ("pending", &Value::Null));
    assert_eq!((&pending["files"][0]["error"], &pending["files"][0]["download_url"]), (&Value::Null, &Value::Null));
    links_lead_somewhere(&client, &pending).await;

    let job = client.upload(&[photograph("a.jpg", 1), photograph("sim-content-policy.jpg", 2)], &[]).await.unwrap();
    let path = format!("/api/v1/status/{}", text(&job, "job_id"));
    let (mut progress, mut etas) = (0, Vec::new());
    let status = loop {
        let status = client.json(&format!("{path}?wait=30")).await.unwrap();
        is_whole(&status);
        let now = status["progress"].as_u64().unwrap();
        assert!(now >= progress && status["progress"] == status["overall_progress"], "{now} after {progress}");
        progress = now;
        etas.extend(status["eta_seconds"].as_u64());
        if status["completed_at"] != Value::Null {
            break status;
        }
        assert!(now < 100, "100 is the end: {status}");
        assert_eq!(status["expires_at"], Value::Null, "it counts from the end");
    };
    assert_eq!((text(&status, "status"), progress), ("partially_completed", 100));
    assert_eq!(seconds_between(&status, "completed_at", "expires_at"), 86_400, "{status}");
    assert!(etas.len() > 1 && etas.last() == Some(&0), "{etas:?}");
    let (made, failed) = (&status["files"][0], &status["files"][1]);
    assert!(text(made, "model_url").starts_with("http") && text(made, "rendered_image").starts_with("http"), "{made}");
    assert!(text(made, "download_url").ends_with("/model") && made["error"] == Value::Null, "{made}");
    assert_eq!((text(failed, "status"), &failed["error"]["retryable"]), ("failed", &false.into()));
    assert!(!text(&failed["error"], "code").is_empty() && !text(&failed["error"], "message").is_empty(), "{failed}");
    links_lead_somewhere(&client, &status).await;
    every_name_answers_alike(&client, &status).await;
}

/// The same body and tag under each name; what the client has is not sent again.
async fn every_name_answers_alike(client: &Client, status: &Value) {
    let (job, task) = (text(status, "job_id"), text(status, "task_id"));
    let as_uuid = task.to_uppercase();
    for path in [
        format!("status/{job}"),
        format!("status/{as_uuid}"),
        format!("status/jobs/{job}/"),
        format!("status/jobs/{job}/progress"),
        format!("models/job/{job}"),
        format!("upload/batch/{job}/status"),
    ] {
        assert_eq!(&has_a_tag(client, &format!("/api/v1/{path}")).await, status, "{path}");
    }
    has_a_tag(client, &format!("/api/v1/status/tasks/{task}")).await;
    has_a_tag(client, &format!("/api/v1/status/tasks/{task}/status")).await;
    let file = has_a_tag(client, &format!("/api/v1/upload/status/{}", text(&status["files"][0], "file_id"))).await;
    assert_eq!((text(&file, "status"), text(&file, "job_id")), ("completed", job));
}

async fn has_a_tag(client: &Client, path: &str) -> Value {
    let answer = client.get(path).await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    let etag = header(&answer, "etag");
    let known =
        client.request(Method::GET, path).header("if-none-match", format!("\"x\", {etag}")).send().await.unwrap();
    assert_eq!((known.status().as_u16(), header(&known, "etag")), (304, etag.clone()), "{path}");
    assert!(known.bytes().await.unwrap().is_empty());
    let head = client.request(Method::HEAD, path).send().await.unwrap();
    assert_eq!((header(&head, "etag"), header(&head, "content-length")), (etag, header(&answer, "content-length")));
    answer.json().await.unwrap()
}
