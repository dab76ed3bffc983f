//! Jobs after their upload: retried, generated, cancelled, listed, told of.

mod cancel;
mod generate;
mod list;
mod priority;
mod retry;
mod webhook;

use image2model_tests::client::{Upload, text};
use image2model_tests::{Client, photo};
use reqwest::{Method, Response};
use serde_json::Value;

fn photograph(name: &str, seed: u32) -> Upload {
    Upload::new(name, photo::jpeg(320, 240, seed).unwrap())
}

async fn post(client: &Client, path: &str, body: &Value) -> Response {
    client.request(Method::POST, path).json(body).send().await.unwrap()
}

async fn accepted(client: &Client, path: &str, body: &Value) -> Value {
    let response = post(client, path, body).await;
    let status = response.status();
    let body = response.text().await.unwrap();
    assert_eq!(status, 202, "{body}");
    serde_json::from_str(&body).unwrap()
}

async fn refused(client: &Client, path: &str, body: &Value) -> (u16, String) {
    let response = post(client, path, body).await;
    let status = response.status().as_u16();
    let problem: Value = response.json().await.unwrap();
    (status, text(&problem, "error_code").to_owned())
}

/// Waits until the job is as wanted.
async fn until(client: &Client, job: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    client.until(&format!("/api/v1/status/{job}"), wanted).await.unwrap()
}
