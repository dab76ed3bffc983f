//! Files that wait for a worker, put in line as an upload does it.

use futures::{StreamExt, TryStreamExt};
use image2model_domain::commands::{CreateJob, CreateOutcome, NewFile};
use image2model_domain::queue::Priority;
use image2model_domain::{FileId, JobId};
use image2model_host::redis::Store;

/// Uploads sent to Redis at the same time.
const AT_ONCE: usize = 64;
/// More than ever wait here.
const MOST_WAITING: u64 = 10_000_000;

/// A job whose images have this name, all stored as one blob, [`image_of`].
pub fn job(tenant: &str, files: usize, filename: &str) -> CreateJob {
    let job = JobId::from_random(rand::random());
    let file = |_| NewFile {
        id: FileId::from_random(rand::random()),
        filename: filename.to_owned(),
        size: 100_000,
        content_type: "image/jpeg".to_owned(),
        width: 640,
        height: 480,
        blob: image_of(&job),
    };
    CreateJob {
        tenant: tenant.to_owned(),
        owner: String::new(),
        ttl_seconds: 86_400,
        idempotency: None,
        max_waiting: MOST_WAITING,
        max_attempts: 5,
        epoch: "bench".to_owned(),
        request_id: String::new(),
        traceparent: String::new(),
        options: "{}".to_owned(),
        model: "tripo3d".to_owned(),
        process: true,
        priority: Priority::Normal,
        webhook: None,
        files: (0..files).map(file).collect(),
        job,
    }
}

/// Where the images of a job are stored.
pub fn image_of(job: &JobId) -> String {
    format!("uploads/{job}/photograph.jpg")
}

/// Puts these jobs in line.
pub async fn put(store: &Store, jobs: impl IntoIterator<Item = CreateJob>) -> anyhow::Result<()> {
    futures::stream::iter(jobs.into_iter().map(|job| async move {
        let created = store.run(&job).await?;
        anyhow::ensure!(created.outcome == CreateOutcome::Created, "a job was not made: {:?}", created.outcome);
        Ok(())
    }))
    .buffer_unordered(AT_ONCE)
    .try_collect()
    .await
}
