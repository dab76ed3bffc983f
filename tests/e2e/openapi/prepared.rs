//! A product with keys, and a job in every state.

use image2model_tests::client::{Upload, text};
use image2model_tests::product::Setup;
use image2model_tests::{Client, Product, photo};
use serde_json::Value;

pub const USER_KEY: &str = "key-of-a-user-0123456789";
pub const ADMIN_KEY: &str = "key-of-an-admin-0123456789";

/// The jobs, each as its upload was answered.
pub struct Jobs {
    pub completed: Value,
    pub partial: Value,
    pub failed: Value,
    pub cancelled: Value,
    /// Runs until it is cancelled.
    pub running: Value,
    /// Only stored.
    pub stored: Value,
}

impl Jobs {
    pub fn all(&self) -> [&Value; 6] {
        [&self.completed, &self.partial, &self.failed, &self.cancelled, &self.running, &self.stored]
    }
}

pub fn product() -> anyhow::Result<Product> {
    setup().start()
}

/// As [`product`] is started.
pub fn setup() -> Setup {
    // What brings wrong keys on purpose is not to be kept from it.
    let setup = Product::setup().with("RATE_LIMIT_WRONG_KEYS_PER_MINUTE", "100000").with("FAL_SIM_SPEED", "60");
    // Whoever uploads more than is made in the meantime is to see the answers of an upload.
    let setup = setup.with("MAX_QUEUED_FILES", "100000");
    setup.with("API_KEY", USER_KEY).with("ADMIN_API_KEY", ADMIN_KEY)
}

fn photograph(name: &str, seed: u32) -> anyhow::Result<Upload> {
    Ok(Upload::new(name, photo::jpeg(160, 120, seed)?))
}

pub async fn jobs(client: &Client) -> anyhow::Result<Jobs> {
    let completed =
        client.upload(&[photograph("chair.jpg", 1)?, photograph("vase.jpg", 2)?], &[("face_limit", "5000")]).await?;
    let partial = client.upload(&[photograph("lamp.jpg", 3)?, photograph("sim-content-policy.jpg", 4)?], &[]).await?;
    let failed = client.upload(&[photograph("sim-content-policy.jpg", 5)?], &[]).await?;
    let cancelled = client.upload(&[photograph("sim-slow.jpg", 6)?], &[]).await?;
    for job in [&completed, &partial, &failed] {
        client.ended(text(job, "job_id")).await?;
    }
    client.request(reqwest::Method::DELETE, &format!("/api/v1/jobs/{}", text(&cancelled, "job_id"))).send().await?;
    client.ended(text(&cancelled, "job_id")).await?;
    let running = client.upload(&[photograph("sim-slow.jpg", 7)?], &[]).await?;
    let stored = client.upload(&[photograph("table.jpg", 8)?], &[("process", "false")]).await?;
    Ok(Jobs { completed, partial, failed, cancelled, running, stored })
}
