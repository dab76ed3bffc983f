//! What an operator meets: starting and stopping, health and metrics, and everything under `/admin`.

mod components;
mod health;
mod metrics;
mod queues;
mod signed_components;
mod space;
mod start_and_stop;
mod storage;
mod sweep;
mod system;
mod tasks;
mod tenants;

use image2model_tests::client::{Client, Upload};
use image2model_tests::photo;
use reqwest::Method;
use serde_json::Value;

/// A photograph of that name, which may carry one of the simulator's scenarios.
fn photograph(name: &str, seed: u32) -> Upload {
    Upload::new(name, photo::jpeg(200, 150, seed).unwrap())
}

/// Sends a request without a body; answers its status and JSON.
async fn send(client: &Client, method: Method, path: &str) -> (u16, Value) {
    let response = client.request(method, path).send().await.unwrap();
    let status = response.status().as_u16();
    (status, response.json().await.unwrap_or_default())
}

/// POST of JSON; answers its status and JSON.
async fn post(client: &Client, path: &str, body: &Value) -> (u16, Value) {
    let response = client.request(Method::POST, path).json(body).send().await.unwrap();
    let status = response.status().as_u16();
    (status, response.json().await.unwrap_or_default())
}

/// The named entry of a list of objects.
fn named<'a>(list: &'a Value, field: &str, value: &str) -> &'a Value {
    let found = list.as_array().and_then(|list| list.iter().find(|entry| entry[field] == value));
    found.unwrap_or_else(|| panic!("no {field} {value} in {list}"))
}
