//! The ZIP of a job's models, sent as it is written; models that only the provider keeps are passed through. What is not
//! finished, or cannot be had, is named in the manifest.

use bytes::Bytes;
use futures::channel::mpsc::{Sender, channel};
use futures::{SinkExt, StreamExt};
use http::Method;
use http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH};
use image2model_domain::record::JobRecord;
use image2model_domain::{Problem, file_name};
use image2model_kit::{Context, Failure, Reply, log, reply};
use serde_json::json;

use super::served::open;
use super::sizes::{self, Measured};
use crate::archive::{Planned, Writer, manifest, total_length};
use crate::results::{MANIFEST, Place, models};

/// How many pieces may wait for the client.
const PIECES_AHEAD: usize = 1;

/// A model to be packed.
struct Packed {
    file: String,
    place: Place,
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

/// The finished models that can be had at this moment, each with the size that its store says it has.
async fn plan(job: &JobRecord) -> Result<Vec<Packed>, Failure> {
    let models = models(job);
    if models.is_empty() {
        let problem = Problem::new(409, "MODEL_NOT_READY", "No model of this job is finished.");
        let details = json!({ "status": job.status, "progress": job.overall_progress });
        return Err(problem.with_details(details).into());
    }
    let found = sizes::measured(&models).await;
    let packed = models.iter().zip(found).filter_map(|(model, found)| {
        let Measured { place, size } = found?;
        let modified_ms = model.file.ended_at.unwrap_or(job.updated_at);
        let planned = Planned { name: model.name.clone(), size, modified_ms };
        Some(Packed { file: model.file.id.as_str().to_owned(), place, planned })
    });
    let packed: Vec<Packed> = packed.collect();
    if packed.is_empty() {
        return Err(Problem::new(404, "FILE_GONE", "None of the models can be had at the moment.").into());
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
            let mut blob = open(&model.place, Method::GET, &[]).await?;
            anyhow::ensure!(blob.status == 200, "its store answered {} for a model", blob.status);
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
