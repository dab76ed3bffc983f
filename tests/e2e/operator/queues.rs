//! Queues are shown, paused and resumed.

use image2model_tests::Product;
use image2model_tests::client::text;
use reqwest::Method;
use serde_json::json;

use super::{named, photograph, post, send};

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_holds_and_resuming_lets_go() {
    let product = Product::setup().start().unwrap();
    let client = product.client().unwrap();
    let pause = "/api/v1/admin/queues/batch_processing/pause";
    let (status, paused) = send(&client, Method::POST, pause).await;
    assert_eq!((status, &paused["paused"], &paused["changed"]), (200, &json!(true), &json!(true)));
    assert_eq!(send(&client, Method::POST, pause).await.1["changed"], false);

    let job = client.upload(&[photograph("a.jpg", 1), photograph("b.jpg", 2)], &[]).await.unwrap();
    let state = client.json("/api/v1/admin/queues").await.unwrap();
    let queue = named(&state["queues"], "name", "batch_processing");
    assert_eq!((&queue["waiting"], &queue["running"], &queue["paused"]), (&json!(2), &json!(0), &json!(true)));
    assert_eq!(state["totals"]["waiting"], 2);
    let health =
        client.until("/health", |health| health["paused_queues"] == json!(["batch_processing"])).await.unwrap();
    assert_eq!(health["status"], "degraded");

    let waiting = client.json("/api/v1/admin/tasks?state=reserved&limit=1").await.unwrap();
    assert_eq!(waiting["tasks"].as_array().unwrap().len(), 1);
    let next = format!("/api/v1/admin/tasks?state=reserved&limit=1&cursor={}", text(&waiting, "next_cursor"));
    let rest = client.json(&next).await.unwrap();
    assert_ne!(rest["tasks"][0]["file_id"], waiting["tasks"][0]["file_id"]);
    assert_eq!((rest["tasks"].as_array().unwrap().len(), rest["next_cursor"].is_null()), (1, true));

    // Workers ask at least every five seconds: by now they have, and were given nothing.
    tokio::time::sleep(std::time::Duration::from_secs(6)).await;
    assert_eq!(client.json(&format!("/api/v1/status/{}", text(&job, "job_id"))).await.unwrap()["status"], "pending");
    let (status, resumed) = send(&client, Method::POST, "/api/v1/admin/queues/batch_processing/resume").await;
    assert_eq!((status, &resumed["paused"]), (200, &json!(false)));
    assert_eq!(client.ended(text(&job, "job_id")).await.unwrap()["status"], "completed");
    assert_eq!(send(&client, Method::POST, "/api/v1/admin/queues/celery/pause").await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn clearing_away_is_a_queue_of_its_own() {
    let product = Product::setup().start().unwrap();
    let client = product.client().unwrap();
    assert_eq!(send(&client, Method::POST, "/api/v1/admin/queues/maintenance/pause").await.0, 200);
    let (status, refused) = post(&client, "/api/v1/admin/cleanup", &json!({ "hours": 1 })).await;
    assert_eq!((status, &refused["error_code"]), (409, &json!("QUEUE_PAUSED")));
    assert_eq!(post(&client, "/api/v1/admin/cleanup", &json!({ "hours": 1, "dry_run": true })).await.0, 200);
    assert_eq!(send(&client, Method::POST, "/api/v1/admin/queues/maintenance/resume").await.0, 200);
    assert_eq!(post(&client, "/api/v1/admin/cleanup", &json!({ "hours": 1 })).await.0, 200);
}
