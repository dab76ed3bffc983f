//! What may be uploaded and how, each rule with a crafted file or form, through the front door.

mod accepted;
mod bombs;
mod fields;
mod form;
mod idempotency;
mod leaving;
mod limits;
mod names;
mod refused;
mod slow;
mod transfer;

use image2model_tests::client::text;
use image2model_tests::product::Setup;
use image2model_tests::raw::{Answer, Raw, RawForm};
use image2model_tests::{Product, photo};
use serde_json::Value;

const PATH: &str = "/api/v1/upload";
const BOUNDARY: &str = "----crafted7MA4YWxkTrZu0gW";

/// The product, which nobody in these tests is to be slowed down by.
fn setup() -> Setup {
    Product::setup()
}

fn form() -> RawForm {
    RawForm::new(BOUNDARY)
}

/// A small photograph.
fn jpeg() -> Vec<u8> {
    photo::jpeg(64, 48, 1).unwrap()
}

/// Sends a whole form on a connection of its own.
async fn post(product: &Product, body: &[u8]) -> Answer {
    post_to(product, PATH, &format!("multipart/form-data; boundary={BOUNDARY}"), body).await
}

async fn post_to(product: &Product, path: &str, content_type: &str, body: &[u8]) -> Answer {
    let mut connection = Raw::connect(product.url()).await.unwrap();
    connection.upload(path, content_type, body).await.unwrap();
    connection.answer().await.unwrap()
}

/// The JSON of an upload that must have been taken.
fn taken(answer: &Answer) -> Value {
    let body = answer.json().unwrap();
    assert_eq!(answer.status, 200, "{body}");
    body
}

/// `(filename, code)` of each bad file that a refusal names.
fn errors(problem: &Value) -> Vec<(String, String)> {
    assert_eq!(problem["error_code"], "FILE_VALIDATION_ERROR", "{problem}");
    let errors = problem["details"]["errors"].as_array().unwrap();
    let named = |error: &Value| {
        assert!(!text(error, "message").is_empty(), "{problem}");
        (text(error, "filename").to_owned(), text(error, "code").to_owned())
    };
    errors.iter().map(named).collect()
}

/// Nothing of any upload is left, on disk or in Redis; the store may need a moment to tidy up.
async fn assert_nothing_kept(product: &Product, after: &str) {
    product.keeps_nothing().await.unwrap_or_else(|error| panic!("after {after}: {error}"));
}
