//! Sends the photographs in one request, read from the disk as they go out.

use anyhow::Context;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use reqwest::Body;
use reqwest::multipart::{Form, Part};
use serde_json::Value;
use tokio_util::io::ReaderStream;

use super::Args;
use super::api::{Job, JobApi, accepted};
use super::display::{Display, FileDisplay};
use super::image::Image;

const CHUNK: usize = 64 * 1024;

pub async fn upload(api: &JobApi, args: &Args, images: &[Image], display: &Display) -> anyhow::Result<Job> {
    let mut form = Form::new();
    if let Some(limit) = args.face_limit {
        form = form.text("face_limit", limit.to_string());
    }
    if let Some(model) = &args.model {
        form = form.text("model", model.clone());
    }
    if let Some(priority) = args.priority {
        form = form.text("priority", priority.as_str());
    }
    for (index, image) in images.iter().enumerate() {
        form = form.part("files", part(image, display.file(index).cloned()).await?);
    }
    let sent = api.upload().multipart(form).send().await;
    let response = sent.with_context(|| format!("cannot upload to {}", api.link("/")))?;
    let answer: Value = accepted(response).await?.json().await.context("the server's answer is not JSON")?;
    job(&answer, images.len())
}

async fn part(image: &Image, display: Option<FileDisplay>) -> anyhow::Result<Part> {
    let file = tokio::fs::File::open(&image.path).await;
    let file = file.with_context(|| format!("cannot read {}", image.path.display()))?;
    let chunks = counted(ReaderStream::with_capacity(file, CHUNK), image.size, display);
    let part = Part::stream_with_length(Body::wrap_stream(chunks), image.size);
    Ok(part.file_name(image.name.clone()).mime_str(image.content_type())?)
}

/// The same chunks, each shown as it leaves.
fn counted(
    chunks: impl Stream<Item = std::io::Result<Bytes>> + Send + 'static,
    size: u64,
    display: Option<FileDisplay>,
) -> impl Stream<Item = std::io::Result<Bytes>> + Send + 'static {
    let mut sent = 0_u64;
    chunks.inspect(move |chunk| {
        sent += chunk.as_ref().map_or(0, |bytes| bytes.len() as u64);
        if let Some(display) = &display {
            display.progress(sent.saturating_mul(100) / size.max(1), "uploading");
        }
    })
}

fn job(answer: &Value, expected: usize) -> anyhow::Result<Job> {
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let files = answer.get("files").and_then(Value::as_array);
    let files: Vec<String> = files.into_iter().flatten().filter_map(|file| text(file, "file_id")).collect();
    let id = text(answer, "job_id").filter(|_| files.len() == expected);
    let id = id.context("the server's answer is not that of Image2Model")?;
    Ok(Job { id, files, access_token: text(answer, "access_token") })
}
