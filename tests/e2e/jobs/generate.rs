//! Photographs that are stored first and made into models later, in both forms of the request.

use image2model_tests::Product;
use image2model_tests::client::text;
use image2model_tests::sim::Sim;
use reqwest::Method;
use serde_json::{Value, json};

use super::{accepted, photograph, post, refused, until};

const SINGLE: &str = "/api/v1/models/generate-single";
const ORIGINAL: &str = "/api/v1/models/generate";

#[tokio::test(flavor = "multi_thread")]
async fn stored_photographs_are_made_when_they_are_asked_for() {
    let sim = Sim::start("20").unwrap();
    let product = Product::setup().with_sim(&sim).start().unwrap();
    let client = product.client().unwrap();
    let files = [photograph("a.jpg", 1), photograph("b.jpg", 2)];
    let job = client.upload(&files, &[("process", "false"), ("face_limit", "5000")]).await.unwrap();
    let id = text(&job, "job_id").to_owned();
    let file = |n: usize| text(&job["files"][n], "file_id").to_owned();
    let status = client.json(&format!("/api/v1/models/job/{id}")).await.unwrap();
    assert_eq!((&status["status"], &status["files"][1]["status"]), (&json!("pending"), &json!("pending")));
    assert!(sim.submits().await.unwrap().is_empty());

    let order = json!({ "job_id": id, "file_id": file(0), "face_limit": 8000, "pbr": true });
    let answer = accepted(&client, SINGLE, &order).await;
    assert_eq!((text(&answer, "file_id"), text(&answer, "status")), (file(0).as_str(), "pending"));
    // The file's own task says when it is done.
    let task = format!("/api/v1/status/tasks/{}", text(&answer, "model_task_id"));
    while client.json(&task).await.unwrap()["state"] != "SUCCESS" {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let status = until(&client, &id, |status| status["files"][0]["status"] == "completed").await;
    assert_eq!((&status["files"][1]["status"], &status["completed_files"]), (&json!("pending"), &json!(1)));

    accepted(
        &client,
        ORIGINAL,
        &json!({ "file_id": file(1), "model_type": "tripo3d", "quality": "high", "texture_enabled": true }),
    )
    .await;
    assert_eq!(client.ended(&id).await.unwrap()["status"], "completed");
    let sent: Vec<Value> = sim.submits().await.unwrap();
    assert_eq!(sent.len(), 2);
    assert_eq!((&sent[0]["input"]["face_limit"], &sent[0]["input"]["pbr"]), (&json!(8000), &json!(true)), "{sent:?}");
    assert_eq!(
        (&sent[1]["input"]["face_limit"], &sent[1]["input"]["texture"]),
        (&Value::Null, &json!("HD")),
        "{sent:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_is_there_stays_beside_another() {
    let product = Product::setup().start().unwrap();
    let client = product.client().unwrap();
    let job = client.upload(&[photograph("a.jpg", 1)], &[]).await.unwrap();
    let (id, file) = (text(&job, "job_id").to_owned(), text(&job["files"][0], "file_id").to_owned());
    client.ended(&id).await.unwrap();
    let order = json!({ "job_id": id, "file_id": file, "texture": "no" });
    let send = || async {
        let request = client.request(Method::POST, SINGLE).header("idempotency-key", "k1").json(&order);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 202);
        let told = response.json::<Value>().await.unwrap();
        assert!(told["estimated_time"].as_u64() > Some(0), "{told}");
        text(&told, "file_id").to_owned()
    };
    let five = futures::future::join_all((0..5).map(|_| send())).await;
    assert!(five.iter().all(|new| *new == five[0] && *new != file), "{five:?}");
    let status = client.ended(&id).await.unwrap();
    assert_eq!((&status["total_files"], &status["completed_files"]), (&json!(2), &json!(2)));
    for file in [&file, &five[0]] {
        let model = client.get(&format!("/api/v1/download/{id}/{file}/model?stream=1")).await.unwrap();
        image2model_tests::glb::inspect(&model.bytes().await.unwrap()).unwrap();
    }
    let other = json!({ "job_id": id, "file_id": file });
    let request = client.request(Method::POST, SINGLE).header("idempotency-key", "k1").json(&other);
    assert_eq!(request.send().await.unwrap().status(), 409);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_made_is_refused_in_words() {
    let product = Product::setup().with("API_KEY", "one").with("ADMIN_API_KEY", "admin").start().unwrap();
    let client = product.client_with_key("one").unwrap();
    let job = client.upload(&[photograph("a.jpg", 1)], &[("process", "false")]).await.unwrap();
    let (id, file) = (text(&job, "job_id").to_owned(), text(&job["files"][0], "file_id").to_owned());
    let bad = [
        json!({}),
        json!({ "job_id": id }),
        json!({ "job_id": id, "file_id": "../etc" }),
        json!({ "job_id": id, "file_id": file, "face_limit": 10 }),
        json!({ "job_id": id, "file_id": file, "face_limit": "8000" }),
        json!({ "job_id": id, "file_id": file, "texture": "gold" }),
        json!({ "job_id": id, "file_id": file, "image_url": "http://169.254.169.254/" }),
        json!({ "job_id": id, "file_id": file, "model": "nonesuch" }),
        json!({ "job_id": id, "file_id": file, "webhook_url": "http://example.com/" }),
    ];
    for body in bad {
        assert_eq!(refused(&client, SINGLE, &body).await, (422, "VALIDATION_ERROR".to_owned()), "{body}");
    }
    let problem: Value =
        post(&client, ORIGINAL, &json!({ "file_id": file, "model_type": "dalle" })).await.json().await.unwrap();
    assert_eq!((&problem["status"], &problem["details"]["allowed"]), (&json!(422), &json!(["tripo3d"])), "{problem}");
    assert_eq!(refused(&client, ORIGINAL, &json!({ "file_id": file, "quality": "ultra" })).await.0, 422);
    assert_eq!(
        refused(&client, ORIGINAL, &json!({ "file_id": "0".repeat(32) })).await,
        (404, "FILE_NOT_FOUND".to_owned())
    );
    let nobody = json!({ "job_id": "0".repeat(32), "file_id": file });
    assert_eq!(refused(&client, SINGLE, &nobody).await, (404, "JOB_NOT_FOUND".to_owned()));
    let order = json!({ "job_id": id, "file_id": file });
    let stranger = product.client().unwrap();
    assert_eq!(refused(&stranger, SINGLE, &order).await, (403, "NOT_AUTHENTICATED".to_owned()));
    // Nothing of all that has touched the file.
    let admin = product.client_with_key("admin").unwrap();
    accepted(&admin, SINGLE, &order).await;
    assert_eq!(client.ended(&id).await.unwrap()["status"], "completed");
}

#[tokio::test(flavor = "multi_thread")]
async fn models_say_what_they_take_and_cost() {
    let product = Product::setup().start().unwrap();
    let models = product.client().unwrap().json("/api/v1/models/available").await.unwrap();
    let model = &models["models"][0];
    assert_eq!(
        (text(&models, "default_model"), text(model, "id"), models["total"].as_u64()),
        ("tripo3d", "tripo3d", Some(1))
    );
    assert_eq!(model["options_schema"]["properties"]["face_limit"]["maximum"], 500_000);
    assert_eq!(model["formats"][0], "glb");
    assert_eq!(models["upload_limits"], json!({ "max_files": 25, "max_file_bytes": 10 << 20 }));
    assert!(
        model["prices"][0]["cents"].as_u64().unwrap() > 0 && model["typical_seconds"].as_u64().unwrap() > 0,
        "{model}"
    );
}
