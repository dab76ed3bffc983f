//! Getting results out: one model, all of them, by name, whole and in parts, kept here and kept by FAL.

mod archive;
mod archive_contents;
mod by_name;
mod elsewhere;
mod flow;
mod model;
mod resume;

use image2model_tests::client::{Client, Upload, text};
use image2model_tests::product::Setup;
use image2model_tests::{Product, photo};
use serde_json::Value;

/// A product whose models are ready at once.
fn quick() -> Setup {
    Product::setup().with("FAL_SIM_SPEED", "1000")
}

/// A small photograph under this name.
fn photograph(name: &str, seed: u32) -> Upload {
    Upload::new(name, photo::jpeg(160, 120, seed).unwrap())
}

/// Uploads photographs and waits until their job has ended.
async fn ended(client: &Client, files: &[Upload]) -> Value {
    let job = client.upload(files, &[("face_limit", "1000")]).await.unwrap();
    client.ended(text(&job, "job_id")).await.unwrap()
}

/// Where the model of the job's nth file is downloaded.
fn model_path(status: &Value, nth: usize) -> String {
    format!("/api/v1/download/{}/{}/model", text(status, "job_id"), text(&status["files"][nth], "file_id"))
}
