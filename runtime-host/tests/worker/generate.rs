//! Images that are only stored, and models made of them later.

use anyhow::{Result, bail};
use image2model_domain::commands::{
    CancelJob, CancelOutcome, CreateJob, CreateOutcome, GenerateFile, GenerateOutcome, ReadQueues,
};
use image2model_domain::queue::Priority;
use image2model_domain::{FileId, FileStatus, JobId, JobStatus};
use redis::cmd;

use crate::support::Parts;

struct Ask<'a> {
    job: &'a JobId,
    file: &'a FileId,
    options: &'a str,
    key: Option<(&'a str, &'a str)>,
}

async fn ask(parts: &Parts, ask: Ask<'_>) -> Result<GenerateOutcome> {
    ask_as("t", parts, ask).await
}

async fn ask_as(caller: &str, parts: &Parts, ask: Ask<'_>) -> Result<GenerateOutcome> {
    // Another one each time, as the requests of a client have: the same again is taken for a repetition.
    let request_id = hex::encode(rand::random::<[u8; 8]>());
    let command = GenerateFile {
        job: ask.job,
        caller,
        file: ask.file,
        new_file: &FileId::from_random(rand::random()),
        options: ask.options,
        model: "tripo3d",
        max_waiting: 10,
        max_files: 3,
        webhook: None,
        idempotency: ask.key,
        request_id: &request_id,
        traceparent: "",
        priority: Priority::default(),
    };
    Ok(parts.store.run(&command).await?)
}

async fn generate(parts: &Parts, job: &JobId, file: &FileId) -> Result<FileId> {
    match ask(parts, Ask { job, file, options: "{}", key: None }).await? {
        GenerateOutcome::Queued(generating) => Ok(generating.file),
        other => bail!("{other:?}"),
    }
}

async fn stored(parts: &Parts, names: &[&str]) -> Result<JobId> {
    let mut create = parts.stored(names)?;
    create.process = false;
    parts.store.run(&create).await?;
    Ok(create.job)
}

async fn ttl(parts: &Parts, key: String) -> Result<i64> {
    Ok(parts.store.query(cmd("TTL").arg(key)).await?)
}

#[tokio::test]
async fn stored_images_wait_are_made_one_by_one_and_expire() -> Result<()> {
    let parts = Parts::start().await?;
    let worker = parts.work()?;
    let id = stored(&parts, &["a.png", "b.png"]).await?;
    let keys = parts.store.keys().clone();
    let job = parts.job(&id).await?;
    assert_eq!((job.status, job.files[0].status), (JobStatus::Pending, FileStatus::Pending));
    for key in [keys.job(&id), keys.job_events(&id), keys.file(&id, &job.files[0].id)] {
        assert!(ttl(&parts, key.clone()).await? > 0, "{key} does not expire");
    }
    assert!(parts.requests().is_empty());

    let (first, second) = (job.files[0].id.clone(), job.files[1].id.clone());
    assert_eq!(generate(&parts, &id, &first).await?, first);
    assert_eq!(ttl(&parts, keys.job(&id)).await?, -1);
    let job = parts.file(&id, |file| file.status == FileStatus::Completed).await?;
    // The other one has not been asked for: nothing is at work, and all of it expires again.
    assert_eq!((job.status, job.completed, job.ended_at), (JobStatus::Pending, 1, None));
    assert!(ttl(&parts, keys.job(&id)).await? > 0);
    assert!(ttl(&parts, keys.job_events(&id)).await? > 0);

    generate(&parts, &id, &second).await?;
    let job = parts.ended(&id).await?;
    assert_eq!((job.status, job.completed), (JobStatus::Completed, 2));
    assert_eq!(parts.requests().len(), 2);
    parts.assert_at_rest().await?;
    worker.stop().await
}

#[tokio::test]
async fn a_finished_model_stays_beside_a_new_one() -> Result<()> {
    let parts = Parts::start().await?;
    let worker = parts.work()?;
    let id = parts.upload(&["chair.png"]).await?;
    let before = parts.ended(&id).await?.files[0].clone();
    let new = generate(&parts, &id, &before.id).await?;
    assert_ne!(new, before.id);
    let job = parts.ended(&id).await?;
    assert_eq!((job.status, job.completed, job.files.len()), (JobStatus::Completed, 2, 2));
    assert_eq!(job.files[0], before);
    assert_eq!((&job.files[1].id, &job.files[1].blob, job.files[1].options.as_str()), (&new, &before.blob, "{}"));
    assert_ne!(job.files[1].model_blob, before.model_blob);
    assert_eq!(parts.requests().len(), 2);
    // Not for ever.
    generate(&parts, &id, &before.id).await?;
    parts.ended(&id).await?;
    let full = ask(&parts, Ask { job: &id, file: &before.id, options: "{}", key: None }).await?;
    assert_eq!(full, GenerateOutcome::TooManyFiles);
    worker.stop().await
}

#[tokio::test]
async fn one_key_makes_one_model() -> Result<()> {
    let parts = Parts::start().await?;
    let id = stored(&parts, &["a.png"]).await?;
    let file = parts.job(&id).await?.files[0].id.clone();
    let with = |digest| Ask { job: &id, file: &file, options: "{}", key: Some(("k", digest)) };
    let five = futures::future::try_join_all((0..5).map(|_| ask(&parts, with("d")))).await?;
    let queued = five.iter().filter(|outcome| matches!(outcome, GenerateOutcome::Queued(_))).count();
    let replayed = five.iter().filter(|outcome| matches!(outcome, GenerateOutcome::Replayed(_))).count();
    assert_eq!((queued, replayed), (1, 4));
    assert_eq!(ask(&parts, with("another")).await?, GenerateOutcome::Conflict);
    assert_eq!(ask(&parts, Ask { key: None, ..with("d") }).await?, GenerateOutcome::Busy);
    let queues = parts.store.run(&ReadQueues).await?.queues;
    assert_eq!(queues.iter().map(|queue| queue.waiting).sum::<u64>(), 1);
    Ok(())
}

#[tokio::test]
async fn a_key_is_the_callers_and_good_for_one_thing() -> Result<()> {
    let parts = Parts::start().await?;
    let id = stored(&parts, &["a.png", "b.png", "c.png"]).await?;
    let files: Vec<FileId> = parts.job(&id).await?.files.into_iter().map(|file| file.id).collect();
    let with = |nth: usize, digest| Ask { job: &id, file: &files[nth], options: "{}", key: Some(("k", digest)) };
    assert!(matches!(ask(&parts, with(0, "d")).await?, GenerateOutcome::Queued(_)));
    // Another caller, who may work on the job as well, has keys of their own.
    assert!(matches!(ask_as("admin", &parts, with(1, "e")).await?, GenerateOutcome::Queued(_)));
    assert!(matches!(ask_as("admin", &parts, with(1, "e")).await?, GenerateOutcome::Replayed(_)));
    assert!(matches!(ask(&parts, with(0, "d")).await?, GenerateOutcome::Replayed(_)));
    // One that a model was generated under makes no job, nor the other way round.
    let upload = |key: &str| -> Result<CreateJob> {
        let mut create = parts.stored(&["d.png"])?;
        (create.process, create.idempotency) = (false, Some((key.to_owned(), "d".to_owned())));
        Ok(create)
    };
    let created = parts.store.run(&upload("k")?).await?;
    assert_eq!((created.outcome, created.job), (CreateOutcome::Conflict, id.clone()));
    assert_eq!(parts.store.run(&upload("u")?).await?.outcome, CreateOutcome::Created);
    let asked = Ask { key: Some(("u", "d")), ..with(2, "d") };
    assert_eq!(ask(&parts, asked).await?, GenerateOutcome::Conflict);
    // The version before remembered an admin's generation as the tenant's.
    let key = format!("{}idempotency:t:former", parts.store.keys().prefix());
    parts.store.query::<()>(cmd("SET").arg(&key).arg(format!("f {}", files[1]))).await?;
    let former = |digest| Ask { key: Some(("former", digest)), ..with(2, digest) };
    let GenerateOutcome::Replayed(generating) = ask_as("admin", &parts, former("f")).await? else { bail!("made anew") };
    assert_eq!(generating.file, files[1]);
    assert!(matches!(ask_as("admin", &parts, former("g")).await?, GenerateOutcome::Queued(_)));
    Ok(())
}

#[tokio::test]
async fn what_was_cancelled_is_noted_for_removal_and_not_generated() -> Result<()> {
    let parts = Parts::start().await?;
    let id = stored(&parts, &["a.png", "b.png"]).await?;
    let file = parts.job(&id).await?.files[0].id.clone();
    assert_eq!(parts.store.run(&CancelJob(&id)).await?, CancelOutcome::Accepted { cancelled: 2, running: 0 });
    let key = parts.store.keys().blobs_to_remove();
    let noted: Vec<String> = parts.store.query(cmd("ZRANGE").arg(key).arg(0).arg(-1)).await?;
    for note in [format!("file {id}/{file}"), format!("job {id}"), format!("expired {id}")] {
        assert!(noted.contains(&note), "{noted:?}");
    }
    let outcome = ask(&parts, Ask { job: &id, file: &file, options: "{}", key: None }).await?;
    assert_eq!(outcome, GenerateOutcome::Cancelled);
    Ok(())
}

/// Handed back by a stopping worker, it waits with a request that runs: cancelling has to reach that.
#[tokio::test]
async fn a_waiting_file_that_was_sent_is_cancelled_at_the_provider() -> Result<()> {
    let parts = Parts::start().await?;
    let worker = parts.work()?;
    let id = parts.upload(&["sim-slow.png"]).await?;
    parts.file(&id, |file| file.status == FileStatus::Processing).await?;
    worker.stop().await?;
    assert!(parts.job(&id).await?.files[0].fal_request_id.is_some());
    assert_eq!(parts.store.run(&CancelJob(&id)).await?, CancelOutcome::Accepted { cancelled: 0, running: 1 });
    let worker = parts.work()?;
    assert_eq!(parts.ended(&id).await?.status, JobStatus::Cancelled);
    let requests = parts.requests();
    assert!(requests.len() == 1 && requests[0].cancel_requested, "{requests:?}");
    parts.assert_at_rest().await?;
    worker.stop().await
}
