//! Tasks and dead letters: what runs is shown and can be stopped, what failed can be replayed.

use image2model_tests::Product;
use image2model_tests::client::{Client, http, text};
use image2model_tests::sim::Sim;
use reqwest::Method;
use serde_json::{Value, json};

use super::{photograph, send};

async fn dead(client: &Client) -> Value {
    client.json("/api/v1/admin/tasks?state=dead").await.unwrap()
}

/// The simulator's next generations fail on their way in, for good.
async fn break_submits(sim: &Sim, times: u32) {
    let order = json!({ "call": "submit", "fault": "not-found", "when": "before", "times": times });
    let answer = http().unwrap().post(format!("{}/sim/faults", sim.base_url())).json(&order).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_is_replayed_to_completion() {
    let sim = Sim::start("20").unwrap();
    let product = Product::setup().with_sim(&sim).start().unwrap();
    let client = product.client().unwrap();
    break_submits(&sim, 1).await;
    let upload = client.upload(&[photograph("a.jpg", 1)], &[]).await.unwrap();
    let job = text(&upload, "job_id");
    assert_eq!(client.ended(job).await.unwrap()["status"], "failed");

    let letters = dead(&client).await;
    let letter = &letters["tasks"][0];
    assert_eq!((&letter["job_id"], &letter["replayable"]), (&json!(job), &json!(true)));
    assert!(!text(&letter["error"], "code").is_empty());
    let path = format!("/api/v1/admin/dead-letters/{}", text(letter, "dead_letter_id"));
    let (status, replayed) = send(&client, Method::POST, &format!("{path}/replay")).await;
    assert_eq!((status, &replayed["requeued_files"]), (202, &json!(1)), "{replayed}");
    let ended = client.ended(job).await.unwrap();
    assert_eq!(
        (&ended["status"], &ended["completed_files"], &ended["failed_files"]),
        (&json!("completed"), &json!(1), &json!(0))
    );
    assert_eq!(dead(&client).await["tasks"], json!([]));
    assert_eq!(send(&client, Method::POST, &format!("{path}/replay")).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_without_an_image_is_not_replayed_and_can_be_forgotten() {
    let product = Product::setup().start().unwrap();
    let client = product.client().unwrap();
    let upload = client.upload(&[photograph("sim-content-policy.jpg", 1)], &[]).await.unwrap();
    let job = text(&upload, "job_id");
    client.ended(job).await.unwrap();
    let letters = dead(&client).await;
    let path = format!("/api/v1/admin/dead-letters/{}", text(&letters["tasks"][0], "dead_letter_id"));
    std::fs::remove_dir_all(product.data().join("uploads").join(job)).unwrap();
    let (status, refused) = send(&client, Method::POST, &format!("{path}/replay")).await;
    assert_eq!((status, &refused["error_code"]), (409, &json!("IMAGE_REMOVED")));
    assert_eq!(send(&client, Method::DELETE, &path).await.0, 200);
    assert_eq!(send(&client, Method::DELETE, &path).await.0, 404);
    assert_eq!(dead(&client).await["tasks"], json!([]));
    assert_eq!(send(&client, Method::POST, "/api/v1/admin/dead-letters/x/replay").await.0, 404);
    assert_eq!(client.json(&format!("/api/v1/status/{job}")).await.unwrap()["status"], "failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn running_tasks_are_shown_and_stopped_one_by_one_or_by_job() {
    let product = Product::setup().start().unwrap();
    let client = product.client().unwrap();
    let names = ["sim-slow-1.jpg", "sim-slow-2.jpg", "sim-slow-3.jpg"];
    let files: Vec<_> = names.iter().zip(1..).map(|(name, seed)| photograph(name, seed)).collect();
    let upload = client.upload(&files, &[]).await.unwrap();
    let job = text(&upload, "job_id");
    let active = client
        .until("/api/v1/admin/tasks", |a| {
            a["tasks"]
                .as_array()
                .is_some_and(|tasks| tasks.len() == 3 && tasks.iter().all(|t| t["status"] == "processing"))
        })
        .await
        .unwrap();
    let task = &active["tasks"][0];
    assert_eq!((&active["state"], &task["queue"]), (&json!("active"), &json!("batch_processing")));
    assert!(!text(task, "worker").is_empty() && !text(task, "fal_request_id").is_empty(), "{task}");

    let (first, second) = (text(task, "file_id"), text(&active["tasks"][1], "task_id"));
    let (status, stopping) = send(&client, Method::POST, &format!("/api/v1/admin/tasks/{job}/{first}/cancel")).await;
    assert_eq!((status, &stopping["running_files"]), (202, &json!(1)), "{stopping}");
    assert_eq!(send(&client, Method::POST, &format!("/api/v1/admin/tasks/{second}/cancel")).await.0, 202);
    let status = format!("/api/v1/status/{job}");
    let halfway = client.until(&status, |s| s["cancelled_files"] == 2).await.unwrap();
    assert_eq!(halfway["status"], "processing");
    let (answer, _) =
        send(&client, Method::POST, &format!("/api/v1/admin/tasks/{}/cancel", text(&upload, "task_id"))).await;
    assert_eq!(answer, 202);
    assert_eq!(client.ended(job).await.unwrap()["status"], "cancelled");

    let history = client.json(&format!("/api/v1/admin/jobs/{job}")).await.unwrap();
    let events = history["events"].as_array().unwrap();
    assert_eq!((&events[0]["message"], &events.last().unwrap()["type"]), (&json!("Queued"), &json!("job")));
    assert_eq!(history["processing"].as_array().unwrap().len(), 3);
    let ids: Vec<&str> = events.iter().map(|event| text(event, "id")).collect();
    assert!(ids.windows(2).all(|pair| pair[0] != pair[1]) && !ids[0].is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_task_is_refused_plainly() {
    let product = Product::setup().start().unwrap();
    let client = product.client().unwrap();
    for (path, expected) in [
        ("tasks?state=zombie", 422),
        ("tasks?limit=0", 422),
        ("tasks?state=dead&cursor=x", 422),
        ("tasks?state=scheduled", 200),
        ("jobs?status=done", 422),
        ("jobs?cursor=1", 422),
        ("jobs/0123456789abcdef0123456789abcdef", 404),
    ] {
        let answer = client.get(&format!("/api/v1/admin/{path}")).await.unwrap();
        assert_eq!(answer.status(), expected, "{path}");
    }
    for id in ["x", "0123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcdef/x"] {
        assert_eq!(send(&client, Method::POST, &format!("/api/v1/admin/tasks/{id}/cancel")).await.0, 404, "{id}");
    }
}
