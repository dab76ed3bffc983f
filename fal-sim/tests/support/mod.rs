//! A running simulator and a plain HTTP client for it. Each test crate uses a part of this.
#![allow(dead_code, reason = "every test file compiles this module and uses its own part of it")]

pub mod glb;

use anyhow::{Context, Result, ensure};
use fal_sim::{Config, Running, Simulator};
use image::{DynamicImage, ImageFormat, RgbImage};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use std::{io::Cursor, time::Duration};

pub const TRIPO: &str = "tripo3d/tripo/v2.5/image-to-3d";
pub const KEY: &str = "good:secret";
pub const OTHER_KEY: &str = "other:secret";

pub struct Fal {
    pub sim: Running,
    pub http: reqwest::Client,
    pub key: &'static str,
}

/// Jobs take about a tenth of a second.
pub fn quick() -> Result<Config> {
    let keys = vec![KEY.parse()?, OTHER_KEY.parse()?];
    let run_time = Duration::from_secs(20)..=Duration::from_secs(25);
    Ok(Config { keys, speed: 200.0, run_time, ..Config::default() })
}

impl Fal {
    pub async fn start() -> Result<Self> {
        Self::with(quick()?).await
    }

    pub async fn with(config: Config) -> Result<Self> {
        let sim = Simulator::start(config).await?;
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build()?;
        Ok(Self { sim, http, key: KEY })
    }

    pub fn url(&self, path: &str) -> String {
        if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.sim.base_url()) }
    }

    /// A call with the key.
    pub fn call(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, self.url(path)).header("authorization", format!("Key {}", self.key))
    }

    pub async fn get(&self, path: &str) -> Result<Response> {
        Ok(self.call(Method::GET, path).send().await?)
    }

    /// Uploads as the JavaScript client does; answers the file's URL.
    pub async fn upload(&self, name: &str, bytes: Vec<u8>) -> Result<String> {
        let about = json!({"file_name": name, "content_type": "image/jpeg"});
        let begun = self.call(Method::POST, "/rest/storage/upload/initiate?storage_type=fal-cdn-v3");
        let begun: Value = begun.json(&about).send().await?.error_for_status()?.json().await?;
        let target = begun["upload_url"].as_str().context("no upload_url")?;
        let put = self.http.put(target).header("content-type", "image/jpeg").body(bytes).send().await?;
        ensure!(put.status().is_success(), "PUT answered {}", put.status());
        Ok(begun["file_url"].as_str().context("no file_url")?.to_owned())
    }

    pub async fn submit_raw(&self, endpoint: &str, input: &Value) -> Result<Response> {
        Ok(self.call(Method::POST, &format!("/queue/{endpoint}")).json(input).send().await?)
    }

    /// Submits and answers the accepted body.
    pub async fn submit(&self, input: Value) -> Result<Value> {
        let answer = self.submit_raw(TRIPO, &input).await?;
        ensure!(answer.status() == StatusCode::OK, "submit answered {}", answer.status());
        Ok(answer.json().await?)
    }

    /// Submits a job whose image is a marker alone.
    pub async fn scenario(&self, name: &str) -> Result<Value> {
        self.submit(json!({"image_url": format!("https://example.com/sim-{name}.png")})).await
    }

    /// Polls until COMPLETED; answers the last status object.
    pub async fn completed(&self, job: &Value) -> Result<Value> {
        self.until(job, "COMPLETED").await
    }

    /// Polls until the status is `wanted`.
    pub async fn until(&self, job: &Value, wanted: &str) -> Result<Value> {
        let url = format!("{}?logs=1", text(job, "status_url")?);
        for _ in 0..3_000 {
            let answer = self.get(&url).await?;
            let finished = answer.status() == StatusCode::OK;
            let status: Value = answer.json().await?;
            ensure!(finished == (status["status"] == "COMPLETED"), "HTTP status and body disagree: {status}");
            if status["status"] == wanted {
                return Ok(status);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        anyhow::bail!("never became {wanted}")
    }

    pub async fn result(&self, job: &Value) -> Result<Response> {
        self.get(&text(job, "response_url")?).await
    }

    /// Runs a job to its end; answers the result's status and body.
    pub async fn outcome(&self, endpoint: &str, input: Value) -> Result<(u16, Value)> {
        let answer = self.submit_raw(endpoint, &input).await?;
        ensure!(answer.status() == StatusCode::OK, "submit answered {}", answer.status());
        let job = answer.json().await?;
        self.completed(&job).await?;
        let result = self.result(&job).await?;
        Ok((result.status().as_u16(), result.json().await?))
    }

    pub async fn cancel(&self, job: &Value) -> Result<(u16, Value)> {
        let answer = self.call(Method::PUT, &text(job, "cancel_url")?).send().await?;
        Ok((answer.status().as_u16(), answer.json().await?))
    }
}

pub fn text(value: &Value, field: &str) -> Result<String> {
    Ok(value[field].as_str().with_context(|| format!("no text {field} in {value}"))?.to_owned())
}

/// A picture with a bright ball on a dark ground.
pub fn picture(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let (dx, dy) = (x as f32 / width as f32 - 0.5, y as f32 / height as f32 - 0.5);
        let light = (1.0 - (dx * dx + dy * dy) * 8.0).max(0.1);
        image::Rgb([(250.0 * light) as u8, (180.0 * light) as u8, (90.0 * light) as u8])
    })
}

pub fn encoded(picture: RgbImage, format: ImageFormat) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    DynamicImage::from(picture).write_to(&mut Cursor::new(&mut bytes), format)?;
    Ok(bytes)
}

pub fn jpeg(width: u32, height: u32) -> Result<Vec<u8>> {
    encoded(picture(width, height), ImageFormat::Jpeg)
}
