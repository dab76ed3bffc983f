//! What must hold after every crash, whatever broke: nothing was paid twice, nothing was lost, nothing is left over.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use crate::client::text;
use crate::crew::{Crew, Job};

/// How long FAL may be at requests that nobody waits for any more: what could not be cancelled is tried again after pauses that
/// double, and three of them are 70 seconds.
const LAST_REQUESTS: Duration = Duration::from_secs(180);

/// What a test finds at its end, once the general rules hold.
#[derive(Debug, Default)]
pub struct Proof {
    /// Files by how they ended; failed ones by `failed CODE`.
    pub files: BTreeMap<String, usize>,
    /// Submits beyond one for an image.
    pub duplicates: usize,
    /// Images for which nothing was submitted.
    pub unsubmitted: usize,
}

impl Proof {
    /// That every file has its model, from one submit.
    ///
    /// # Errors
    /// When one has not.
    pub fn all_completed(&self) -> anyhow::Result<()> {
        ensure!(self.files.keys().eq(["completed"]), "not every file was completed: {:?}", self.files);
        ensure!(self.duplicates == 0, "{} submits too many", self.duplicates);
        Ok(())
    }

    /// How many files ended so.
    #[must_use]
    pub fn count(&self, how: &str) -> usize {
        self.files.get(how).copied().unwrap_or_default()
    }
}

/// Waits for every job to end, and checks the general rules.
///
/// # Errors
/// The first rule that does not hold; `seed` is named, and what the processes said last.
pub async fn prove(crew: &mut Crew, seed: u64, limit: Duration) -> anyhow::Result<Proof> {
    let found = async {
        crew.until_unfinished(0, limit).await?;
        check(crew).await
    }
    .await;
    match found {
        Ok(proof) => {
            println!("seed {seed}: {} images, {proof:?}", crew.images());
            Ok(proof)
        }
        // The broken rule comes last, where a reader of a long log looks first.
        Err(error) => bail!("seed {seed}\n{}\nseed {seed}: {error:#}", crew.said()),
    }
}

async fn check(crew: &Crew) -> anyhow::Result<Proof> {
    let mut proof = Proof::default();
    let mut redis = crew.redis.connection().await?;
    let mut completed = Vec::new();
    for job in &crew.jobs {
        completed.extend(check_job(crew, job, &mut redis, &mut proof).await?);
    }
    check_counts(crew, &proof, &mut redis).await?;
    check_queue(&mut redis).await?;
    check_bills(crew, &completed, &mut proof).await?;
    Ok(proof)
}

/// Every file ended, the job finalised once, its stream told it once. Answers the images that have a model.
async fn check_job(
    crew: &Crew,
    job: &Job,
    redis: &mut redis::aio::MultiplexedConnection,
    proof: &mut Proof,
) -> anyhow::Result<Vec<String>> {
    let status = status_of(crew, job).await?;
    let outcome = text(&status, "status");
    let ended = ["completed", "partially_completed", "failed", "cancelled"];
    ensure!(ended.contains(&outcome), "job {} has not ended: {status}", job.id);
    let files = status.get("files").and_then(Value::as_array).context("no files")?;
    ensure!(files.len() == job.images.len(), "{} files instead of {}: {status}", files.len(), job.images.len());
    let mut completed = Vec::new();
    for (file, image) in files.iter().zip(&job.images) {
        let how = text(file, "status");
        ensure!(["completed", "failed", "cancelled"].contains(&how), "a file has not ended: {file}");
        let code = file.pointer("/error/code").and_then(Value::as_str).unwrap_or_default();
        let name = if how == "failed" { format!("failed {code}") } else { how.to_owned() };
        *proof.files.entry(name).or_default() += 1;
        if how == "completed" {
            completed.push(image.clone());
        }
    }
    check_events(job, outcome, redis).await?;
    Ok(completed)
}

/// A service whose Redis has just come back may say so once more.
async fn status_of(crew: &Crew, job: &Job) -> anyhow::Result<Value> {
    let (client, started) = (crew.client()?, Instant::now());
    loop {
        let answer = client.json(&format!("/api/v1/status/{}", job.id)).await;
        if answer.is_ok() || started.elapsed() > Duration::from_secs(10) {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn check_events(job: &Job, outcome: &str, redis: &mut redis::aio::MultiplexedConnection) -> anyhow::Result<()> {
    let key = format!("job:{}:events", job.id);
    let raw: Vec<(String, HashMap<String, String>)> =
        redis::cmd("XRANGE").arg(&key).arg("-").arg("+").query_async(redis).await?;
    let (mut ends, mut endings) = (Vec::new(), HashMap::<String, usize>::new());
    let mut furthest = HashMap::<(String, u64), u64>::new();
    for (_, fields) in &raw {
        let event: Value = serde_json::from_str(fields.get("data").context("an event without data")?)?;
        let (kind, file) = (text(&event, "type"), text(&event, "file_id").to_owned());
        if kind == "job" {
            ends.push(text(&event, "status").to_owned());
        }
        if file.is_empty() {
            continue;
        }
        if matches!(text(&event, "status"), "completed" | "failed" | "cancelled") {
            *endings.entry(file.clone()).or_default() += 1;
        }
        let number = |name: &str| event.get(name).and_then(Value::as_u64).unwrap_or_default();
        let before = furthest.entry((file, number("restarts"))).or_default();
        ensure!(number("progress") >= *before, "progress went back from {before}: {event}");
        *before = number("progress");
    }
    ensure!(ends == [outcome], "job {} ended as {outcome}, its stream says {ends:?}", job.id);
    let last: Value =
        raw.last().and_then(|(_, fields)| serde_json::from_str(fields.get("data")?).ok()).unwrap_or_default();
    ensure!(text(&last, "type") == "job", "job {} goes on after its end: {last}", job.id);
    let twice = endings.iter().find(|(_, times)| **times != 1);
    ensure!(
        twice.is_none() && endings.len() == job.images.len(),
        "files of job {} ended so often: {endings:?}",
        job.id
    );
    Ok(())
}

async fn check_counts(crew: &Crew, proof: &Proof, redis: &mut redis::aio::MultiplexedConnection) -> anyhow::Result<()> {
    let counters: BTreeMap<String, i64> = redis::cmd("HGETALL").arg("counters").query_async(redis).await?;
    let sum = |prefix: &str| -> i64 {
        counters.iter().filter(|(name, _)| name.starts_with(prefix)).map(|(_, value)| *value).sum()
    };
    let (jobs, images) = (i64::try_from(crew.jobs.len())?, i64::try_from(crew.images())?);
    let open: Vec<_> = counters.iter().filter(|(name, value)| name.starts_with("open:") && **value != 0).collect();
    ensure!(open.is_empty(), "counted as open: {open:?}");
    ensure!(sum("jobs_ended:") == jobs, "{} of {jobs} jobs ended: {counters:?}", sum("jobs_ended:"));
    ensure!(sum("files_ended:") == images, "{} of {images} files ended: {counters:?}", sum("files_ended:"));
    let failed: usize = proof.files.iter().filter(|(how, _)| how.starts_with("failed")).map(|(_, count)| count).sum();
    let dead: usize = redis::cmd("XLEN").arg("queue:dead").query_async(redis).await?;
    ensure!(dead == failed, "{dead} dead letters for {failed} failed files");
    Ok(())
}

/// Nothing waits, nothing runs, nothing is held.
async fn check_queue(redis: &mut redis::aio::MultiplexedConnection) -> anyhow::Result<()> {
    for key in ["queue:running", "queue:delayed", "queue:waiting:batch_processing", "queue:waiting:model_generation"] {
        let left: Vec<String> = redis::cmd("ZRANGE").arg(key).arg(0).arg(-1).query_async(redis).await?;
        ensure!(left.is_empty(), "{key} holds {left:?}");
    }
    let lines: Vec<String> = redis::cmd("KEYS").arg("queue:line:*").query_async(redis).await?;
    for line in lines {
        let left: Vec<String> = redis::cmd("ZRANGE").arg(&line).arg(0).arg(-1).query_async(redis).await?;
        ensure!(left.is_empty(), "{line} holds {left:?}");
    }
    let running: HashMap<String, i64> = redis::cmd("HGETALL").arg("queue:running_by_tenant").query_async(redis).await?;
    ensure!(running.values().all(|count| *count == 0), "counted as running: {running:?}");
    Ok(())
}

/// One submit an image, one bill a model; more only where the counters own up to it.
async fn check_bills(crew: &Crew, completed: &[String], proof: &mut Proof) -> anyhow::Result<()> {
    let started = Instant::now();
    loop {
        let submits = crew.sim.submits().await?;
        let open: Vec<&Value> = submits.iter().filter(|request| text(request, "status") != "COMPLETED").collect();
        if open.is_empty() {
            break;
        }
        ensure!(started.elapsed() < LAST_REQUESTS, "requests go on at FAL that nobody waits for: {open:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let bills = crew.sim.bills().await?;
    let count = |bill: &Value, name: &str| bill.get(name).and_then(Value::as_u64).unwrap_or_default();
    let by_image: HashMap<&str, &Value> = bills.iter().map(|bill| (text(bill, "image_sha256"), bill)).collect();
    let ours: Vec<&String> = crew.jobs.iter().flat_map(|job| &job.images).collect();
    ensure!(by_image.len() == bills.len(), "images that were never uploaded were billed: {bills:?}");
    ensure!(by_image.keys().all(|image| ours.iter().any(|own| own == image)), "a bill for an image that is not ours");
    for image in completed {
        let bill = by_image.get(image.as_str()).with_context(|| format!("a model of {image} that nobody made"))?;
        ensure!(count(bill, "billed") > 0, "a model that cost nothing: {bill}");
    }
    let several: Vec<&Value> = bills.iter().filter(|bill| count(bill, "submits") > 1).collect();
    proof.duplicates = usize::try_from(several.iter().map(|bill| count(bill, "submits") - 1).sum::<u64>())?;
    proof.unsubmitted = ours.len() - by_image.len();
    let owned = possible_duplicates(crew).await?;
    ensure!(
        proof.duplicates <= owned,
        "{} submits too many, {owned} of them owned up to: {several:?}",
        proof.duplicates
    );
    Ok(())
}

/// Second submits that the policy allowed, as they are counted for the metrics.
async fn possible_duplicates(crew: &Crew) -> anyhow::Result<usize> {
    let mut redis = crew.redis.connection().await?;
    let counted: Option<usize> =
        redis::cmd("HGET").arg("counters").arg("possible_duplicates").query_async(&mut redis).await?;
    Ok(counted.unwrap_or_default())
}
