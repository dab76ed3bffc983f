//! `Idempotency-Key`: the same upload under one key makes one job, however often and however quickly it is sent.

use image2model_tests::client::text;
use image2model_tests::raw::{Answer, Raw, RawForm};
use image2model_tests::sim::Sim;
use image2model_tests::{Product, photo};
use reqwest::Method;
use serde_json::Value;

use super::{BOUNDARY, PATH, assert_nothing_kept, errors, form, jpeg, setup, taken};

const KEY: &str = "3f1c9a52-6a0e-4f0b-9b1e-2f7d5c1a8e44";

async fn post(product: &Product, headers: &[&str], body: &[u8]) -> Answer {
    post_to(product, PATH, headers, body).await
}

async fn post_to(product: &Product, path: &str, headers: &[&str], body: &[u8]) -> Answer {
    let mut connection = Raw::connect(product.url()).await.unwrap();
    let mut lines = vec![
        format!("Content-Type: multipart/form-data; boundary={BOUNDARY}"),
        format!("Content-Length: {}", body.len()),
    ];
    lines.extend(headers.iter().map(|header| (*header).to_owned()));
    connection.head(path, &lines).await.unwrap();
    connection.send(body).await.unwrap();
    connection.answer().await.unwrap()
}

async fn with_key(product: &Product, key: &str, body: &[u8]) -> Answer {
    post(product, &[&format!("Idempotency-Key: {key}")], body).await
}

fn photographs() -> RawForm {
    form().file("a.jpg", &photo::jpeg(320, 240, 1).unwrap()).file("b.jpg", &photo::jpeg(320, 240, 2).unwrap())
}

fn stored(body: &[u8]) -> Vec<u8> {
    [form().text("process", "false").unfinished().as_slice(), body].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn five_at_once_make_one_job() {
    let sim = Sim::start("20").unwrap();
    let product = setup().with_sim(&sim).start().unwrap();
    let body = photographs().end();
    let answers = futures::future::join_all((0..5).map(|_| with_key(&product, KEY, &body))).await;
    let jobs: Vec<Value> = answers.iter().map(taken).collect();
    assert!(jobs.iter().all(|job| job == &jobs[0]), "all five are told the same: {jobs:?}");

    let id = text(&jobs[0], "job_id");
    let status = product.client().unwrap().ended(id).await.unwrap();
    assert_eq!(status["status"], "completed", "{status}");
    let kept = product.kept().await.unwrap();
    let images = kept.files.iter().filter(|file| file.ends_with("_original.jpg")).count();
    assert_eq!(images, 2, "one set of files is kept: {kept:?}");
    assert!(kept.files.iter().all(|file| file.starts_with(id)), "and no other folder: {kept:?}");
    let sessions = kept.keys.iter().filter(|key| key.starts_with("session:")).count();
    assert_eq!(sessions, 1, "{kept:?}");
    assert_eq!(sim.submits().await.unwrap().len(), 2, "each photograph is paid for once");

    // Asked again after everything was done: the same answer, and nothing is done again.
    let again = taken(&with_key(&product, KEY, &body).await);
    assert_eq!(again, jobs[0]);
    assert_eq!(product.kept().await.unwrap(), kept);
    assert_eq!(sim.submits().await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_made_is_answered_though_there_is_no_room_for_anything_new() {
    let product = setup().with("MAX_QUEUED_FILES", "2").start().unwrap();
    let client = product.client().unwrap();
    let pause = client.request(Method::POST, "/api/v1/admin/queues/batch_processing/pause").send().await.unwrap();
    assert_eq!(pause.status(), 200);
    let body = photographs().end();
    let job = taken(&with_key(&product, KEY, &body).await);
    let kept = product.kept().await.unwrap();
    assert_eq!(taken(&with_key(&product, KEY, &body).await), job);
    let other = form().file("a.jpg", &photo::jpeg(320, 240, 3).unwrap()).end();
    let conflict = with_key(&product, KEY, &other).await.problem(409).unwrap();
    assert_eq!(conflict["error_code"], "IDEMPOTENCY_CONFLICT");
    let refused = with_key(&product, "another", &body).await.problem(503).unwrap();
    assert_eq!(refused["error_code"], "QUEUE_FULL");
    assert_eq!(post(&product, &[], &body).await.status, 503);
    assert_eq!(product.kept().await.unwrap(), kept);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_with_anything_else_is_a_conflict() {
    let product = setup().start().unwrap();
    let body = stored(&photographs().end());
    let job = taken(&with_key(&product, KEY, &body).await);
    let kept = product.kept().await.unwrap();
    let one = photo::jpeg(320, 240, 1).unwrap();
    let others = [
        stored(&form().file("a.jpg", &one).end()),
        stored(&form().file("b.jpg", &photo::jpeg(320, 240, 2).unwrap()).file("a.jpg", &one).end()),
        stored(&form().file("a.jpg", &one).file("c.jpg", &photo::jpeg(320, 240, 2).unwrap()).end()),
        stored(&photographs().text("face_limit", "5000").end()),
        photographs().end(),
    ];
    for other in &others {
        let problem = with_key(&product, KEY, other).await.problem(409).unwrap();
        assert_eq!(problem["error_code"], "IDEMPOTENCY_CONFLICT");
        assert_eq!(product.kept().await.unwrap(), kept, "nothing of it is kept");
    }
    let another = taken(&with_key(&product, "another-key", &body).await);
    assert_ne!(another["job_id"], job["job_id"]);
    let none = taken(&post(&product, &[], &body).await);
    assert_ne!(none["job_id"], job["job_id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_1_to_128_visible_characters_sent_once() {
    let product = setup().start().unwrap();
    let body = stored(&form().file("a.jpg", &jpeg()).end());
    for bad in ["", "two words", "schlüssel", &"k".repeat(129)] {
        let problem = with_key(&product, bad, &body).await.problem(400).unwrap();
        assert_eq!(problem["details"]["header"], "Idempotency-Key", "{bad}");
    }
    post(&product, &["Idempotency-Key: a", "Idempotency-Key: b"], &body).await.problem(400).unwrap();
    assert_nothing_kept(&product, "bad keys").await;
    for good in ["k", &"k".repeat(128), "\"quoted\"", "a:b/c*?[x]"] {
        taken(&with_key(&product, good, &body).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_belongs_to_its_caller() {
    let (user, admin) = ("the-users-key-0123456789", "the-admins-key-0123456789");
    let product = setup().with("API_KEY", user).with("ADMIN_API_KEY", admin).start().unwrap();
    let body = stored(&form().file("a.jpg", &jpeg()).end());
    let send = async |key: &str, body: &[u8]| {
        let headers = [format!("Authorization: Bearer {key}"), format!("Idempotency-Key: {KEY}")];
        post(&product, &[&headers[0], &headers[1]], body).await
    };
    let (of_user, of_admin) = (taken(&send(user, &body).await), taken(&send(admin, &body).await));
    assert_ne!(of_user["job_id"], of_admin["job_id"]);
    let again = taken(&send(user, &body).await);
    assert_eq!(again, of_user, "the access token is the same too");
    assert!(!text(&of_user, "access_token").is_empty());
    send("wrong", &body).await.problem(403).unwrap();
    send(user, &form().file("b.jpg", &jpeg()).end()).await.problem(409).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_attempt_that_came_to_nothing_does_not_block_the_key() {
    let product = setup().with("UPLOAD_TIMEOUT_SECONDS", "1").start().unwrap();
    let body = stored(&form().file("a.jpg", &jpeg()).end());

    let refused = stored(&form().file("a.jpg", &jpeg()[..100]).end());
    let problem = with_key(&product, KEY, &refused).await.problem(400).unwrap();
    assert_eq!(errors(&problem)[0].1, "TRUNCATED_IMAGE");
    let head = [
        format!("Content-Type: multipart/form-data; boundary={BOUNDARY}"),
        format!("Content-Length: {}", body.len()),
        format!("Idempotency-Key: {KEY}"),
    ];
    let mut left = Raw::connect(product.url()).await.unwrap();
    left.head(PATH, &head).await.unwrap();
    left.send(&body[..body.len() / 2]).await.unwrap();
    drop(left);
    let mut slow = Raw::connect(product.url()).await.unwrap();
    slow.head(PATH, &head).await.unwrap();
    slow.send(&body[..body.len() / 2]).await.unwrap();

    // While one attempt still hangs, the next goes through.
    let job = taken(&with_key(&product, KEY, &body).await);
    slow.answer().await.unwrap().problem(408).unwrap();
    assert_eq!(taken(&with_key(&product, KEY, &body).await), job);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_a_deleted_job_is_free_again() {
    let product = setup().start().unwrap();
    let body = stored(&form().file("a.jpg", &jpeg()).end());
    let job = taken(&with_key(&product, KEY, &body).await);
    let path = format!("/api/v1/admin/delete-job/{}", text(&job, "job_id"));
    let client = product.client().unwrap();
    assert_eq!(client.request(reqwest::Method::DELETE, &path).send().await.unwrap().status(), 200);
    let next = taken(&with_key(&product, KEY, &body).await);
    assert_ne!(next["job_id"], job["job_id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_a_job_that_is_being_erased_is_free_again() {
    let product = setup().start().unwrap();
    let client = product.client().unwrap();
    let body = form().file("sim-slow.jpg", &jpeg()).end();
    let job = taken(&with_key(&product, KEY, &body).await);
    let path = format!("/api/v1/status/{}", text(&job, "job_id"));
    client.until(&path, |status| status["files"][0]["status"] == "processing").await.unwrap();
    let erase = format!("/api/v1/jobs/{}/data", text(&job, "job_id"));
    assert_eq!(client.request(Method::DELETE, &erase).send().await.unwrap().status(), 202);
    let next = taken(&with_key(&product, KEY, &body).await);
    assert_ne!(next["job_id"], job["job_id"]);
    assert_eq!(taken(&with_key(&product, KEY, &body).await), next);
}

/// A model that was generated beside the first is a file of the job, and was not uploaded.
#[tokio::test(flavor = "multi_thread")]
async fn the_answer_stays_as_it_was_when_more_is_made_of_the_same_image() {
    let product = setup().start().unwrap();
    let client = product.client().unwrap();
    let body = form().file("a.jpg", &jpeg()).end();
    let key = format!("Idempotency-Key: {KEY}");
    let upload = async || taken(&post_to(&product, "/api/v1/upload/image", &[&key], &body).await);
    let job = upload().await;
    client.ended(text(&job, "job_id")).await.unwrap();
    let order = serde_json::json!({ "job_id": job["job_id"], "file_id": job["file_id"] });
    let made = client.request(Method::POST, "/api/v1/models/generate-single").json(&order).send().await.unwrap();
    assert_eq!(made.status(), 202);
    assert_eq!((&job["total_files"], upload().await), (&1.into(), job.clone()));
}

/// Killed in the middle of an upload: its key is free, and the next attempt is the one that counts.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_dies_does_not_block_the_key() {
    let mut product = setup().start().unwrap();
    let body = stored(&form().file("a.jpg", &photo::heavy_jpeg(500_000, 1).unwrap()).end());
    let mut cut = Raw::connect(product.url()).await.unwrap();
    let head = [
        format!("Content-Type: multipart/form-data; boundary={BOUNDARY}"),
        format!("Content-Length: {}", body.len()),
        format!("Idempotency-Key: {KEY}"),
    ];
    cut.head(PATH, &head).await.unwrap();
    cut.send(&body[..body.len() / 2]).await.unwrap();
    product.process().kill();
    product.start_again().unwrap();
    let job = taken(&with_key(&product, KEY, &body).await);
    assert_eq!(taken(&with_key(&product, KEY, &body).await), job);
}
