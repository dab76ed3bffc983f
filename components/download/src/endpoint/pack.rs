//! The ZIP of a job's models, sent as it is written. Models that only the provider keeps are named in the manifest.

use bytes::Bytes;
use futures::channel::mpsc::{Sender, channel};
use futures::{SinkExt, StreamExt};
use http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH};
use image2model_domain::record::JobRecord;
use image2model_domain::{Problem, file_name};
use image2model_kit::{Context, Failure, Reply, blobs, log, reply};
use serde_json::json;

use crate::archive::{Planned, Writer, manifest, total_length};
use crate::results::{MANIFEST, models};

/// How many pieces may wait for the client.
const PIECES_AHEAD: usize = 1;

/// A model to be packed.
struct Packed {
    file: String,
    key: String,
    planned: Planned,
}

/// The archive.
pub(super) async fn zip(context: &Context, job: &JobRecord) -> Result<Reply, Failure> {
    let packed = plan(job).await?;
    let ids: Vec<&str> = packed.iter().map(|model| model.file.as_str()).collect();
    let manifest = serde_json::to_vec_pretty(&manifest(job, &ids))?;
    let size = u64::try_from(manifest.len()).unwrap_or(u64::MAX);
    let first = Planned { name: MANIFEST.to_owned(), size, modified_ms: job.updated_at };
    let entries: Vec<Planned> =
        std::iter::once(&first).chain(packed.iter().map(|model| &model.planned)).cloned().collect();
    let (pieces, body) = channel(PIECES_AHEAD);
    let mut answer = reply::stream(200, "application/zip", body)?;
    let name = format!("models_{}.zip", job.id);
    reply::insert(&mut answer, CONTENT_LENGTH.as_str(), &total_length(&entries).to_string());
    reply::insert(&mut answer, CONTENT_DISPOSITION.as_str(), &file_name::content_disposition("attachment", &name));
    if !context.is_head() {
        let request_id = context.request_id.clone();
        spin_sdk::wasip3::spawn(async move {
            let mut packing = Packing { writer: Writer::default(), pieces };
            if let Err(error) = packing.all(first, manifest.into(), &packed).await {
                log::warn("archive broke off", &json!({ "request_id": request_id, "error": error.to_string() }));
                // Without the announced length the client sees that it is not whole.
                let _ = packing.pieces.send(Err(error)).await;
            }
        });
    }
    Ok(answer)
}

/// What is kept here, each with the size that the blob store says it has.
async fn plan(job: &JobRecord) -> Result<Vec<Packed>, Failure> {
    let models = models(job);
    if models.is_empty() {
        let problem = Problem::new(409, "MODEL_NOT_READY", "No model of this job is finished.");
        return Err(problem.with_details(json!({ "status": job.status })).into());
    }
    let mut packed = Vec::new();
    for model in models {
        let Some(key) = &model.file.model_blob else { continue };
        let blob = blobs::head(key, &[]).await?;
        let size = blob.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        if let (200, Some(size)) = (blob.status.as_u16(), size) {
            let modified_ms = model.file.ended_at.unwrap_or(job.updated_at);
            let planned = Planned { name: model.name.clone(), size, modified_ms };
            packed.push(Packed { file: model.file.id.as_str().to_owned(), key: key.clone(), planned });
        }
    }
    Ok(packed)
}

struct Packing {
    writer: Writer,
    pieces: Sender<anyhow::Result<Bytes>>,
}

impl Packing {
    async fn all(&mut self, first: Planned, manifest: Bytes, packed: &[Packed]) -> anyhow::Result<()> {
        let head = self.writer.begin(&first);
        self.send(head).await?;
        self.content(manifest).await?;
        self.end().await?;
        for model in packed {
            let head = self.writer.begin(&model.planned);
            self.send(head).await?;
            let mut blob = blobs::get(&model.key, &[]).await?;
            anyhow::ensure!(blob.status == 200, "the blob gateway answered {} for a model", blob.status);
            while let Some(chunk) = blob.body.next().await {
                self.content(chunk?).await?;
            }
            self.end().await?;
        }
        let end = std::mem::take(&mut self.writer).finish();
        self.send(end).await
    }

    async fn content(&mut self, chunk: Bytes) -> anyhow::Result<()> {
        self.writer.count(&chunk)?;
        self.send(chunk).await
    }

    async fn end(&mut self) -> anyhow::Result<()> {
        let after = self.writer.end()?;
        self.send(after).await
    }

    async fn send(&mut self, piece: impl Into<Bytes>) -> anyhow::Result<()> {
        self.pieces.send(Ok(piece.into())).await.map_err(|_| anyhow::anyhow!("the client is gone"))
    }
}
