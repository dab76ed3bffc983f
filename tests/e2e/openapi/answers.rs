//! Every documented operation is asked, and what comes is held against the document and its examples. `UPDATE_EXAMPLES=1` keeps
//! the answers.

use std::collections::BTreeSet;

use image2model_tests::client::{Upload, text};
use image2model_tests::photo;
use reqwest::multipart::Form;
use serde_json::{Value, json};

use super::asking::{Ask, Asking, ask, file, id, task};
use super::prepared::{Jobs, USER_KEY, jobs, product};
use super::refused;

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_answers_as_documented() {
    let product = product().unwrap();
    let jobs = jobs(&product.client_with_key(USER_KEY).unwrap()).await.unwrap();
    let mut asking = Asking::start(product).await.unwrap();
    uploads(&mut asking).await.unwrap();
    asking.all(status(&jobs)).await;
    asking.all(downloads(&jobs)).await;
    asking.all(refusals(&jobs)).await;
    asking.all(open_and_admin(&jobs)).await;
    queues(&mut asking, &jobs).await.unwrap();
    refused::conflicts(&mut asking, &jobs).await.unwrap();
    erased_while_it_runs(&mut asking).await.unwrap();
    asking.all(changing(&jobs)).await;
    keys(&mut asking).await.unwrap();
    components(&mut asking).await.unwrap();
    sessions(&mut asking).await.unwrap();
    refused::by_limits(&mut asking).await.unwrap();
    let operations: BTreeSet<&str> = asking.contract.operations().keys().map(String::as_str).collect();
    let asked: BTreeSet<&str> = asking.asked.iter().copied().collect();
    let left: Vec<_> = operations.difference(&asked).collect();
    assert!(left.is_empty(), "documented, and not asked here: {left:?}");
    asking.examples.settle().unwrap();
}

/// The queues as operators see and steer them. What failed stands among the dead letters.
async fn queues(asking: &mut Asking, jobs: &Jobs) -> anyhow::Result<()> {
    asking.ask(ask("listQueues").admin().shown_as("queues")).await?;
    asking.ask(ask("pauseQueue").admin().at("name", "maintenance").shown_as("paused")).await?;
    asking.ask(ask("resumeQueue").admin().at("name", "maintenance").shown_as("resumed")).await?;
    asking.ask(ask("listTenants").admin().shown_as("tenants")).await?;
    let terms = ask("setTenant").admin().at("tenant", "key:77e7faaaac20a95971e5c07cb35e9f19");
    asking.ask(terms.clone().body(json!({ "weight": 4, "max_concurrent": 20 })).shown_as("set")).await?;
    asking.ask(terms.clone().body(json!({ "weight": 0, "limit": 1 })).is(422)).await?;
    asking.ask(terms.body(json!({ "weight": 1, "max_concurrent": null })).shown_as("default")).await?;
    asking.ask(ask("listTasks").admin().shown_as("active")).await?;
    asking.ask(ask("listTasks").admin().query("?state=lost").is(422)).await?;
    let dead = asking.ask(ask("listTasks").admin().query("?state=dead").shown_as("dead")).await?.json();
    let letter = |job: &Value| {
        let tasks = dead["tasks"].as_array().into_iter().flatten();
        let own =
            tasks.filter(|task| task["job_id"] == job["job_id"]).map(|task| text(task, "dead_letter_id").to_owned());
        own.collect::<String>()
    };
    asking.ask(ask("forgetDeadLetter").admin().at("id", letter(&jobs.partial)).shown_as("forgotten")).await?;
    asking.ask(ask("forgetDeadLetter").admin().at("id", letter(&jobs.partial)).is(404)).await?;
    asking.ask(ask("replayDeadLetter").admin().at("id", letter(&jobs.failed)).is(202).shown_as("replayed")).await?;
    asking.product.client_with_key(USER_KEY)?.ended(text(&jobs.failed, "job_id")).await?;
    let running = || (id(&jobs.running), file(&jobs.running, 0));
    let cancel = ask("cancelFile").admin().at("id", running().0).at("file", running().1);
    asking.ask(cancel.is(202).shown_as("cancelled")).await?;
    asking.ask(ask("cancelTask").admin().at("id", id(&jobs.running)).is(202).shown_as("cancelled")).await?;
    asking.ask(ask("cancelTask").admin().at("id", "0".repeat(32)).is(404)).await?;
    Ok(())
}

/// A job with a model under way is erased once that has ended.
async fn erased_while_it_runs(asking: &mut Asking) -> anyhow::Result<()> {
    let client = asking.product.client_with_key(USER_KEY)?;
    let job = client.upload(&[Upload::new("sim-slow.jpg", photo::jpeg(160, 120, 9)?)], &[]).await?;
    client.until(&format!("/api/v1/status/{}", id(&job)), |job| job["files"][0]["status"] == "processing").await?;
    asking.ask(ask("eraseJob").at("job_id", id(&job)).is(202).shown_as("ending")).await?;
    Ok(())
}

/// Issued, listed, revoked: the id is only known on the way.
async fn keys(asking: &mut Asking) -> anyhow::Result<()> {
    let order = json!({ "name": "the shop", "expires_in_seconds": 7_776_000, "limits": { "per_minute": 120 } });
    let issued = asking.ask(ask("issueKey").admin().body(order).is(201).shown_as("issued")).await?.json();
    asking.ask(ask("issueKey").admin().body(json!({})).is(422)).await?;
    asking.ask(ask("listKeys").admin().shown_as("page")).await?;
    asking.ask(ask("revokeKey").admin().at("id", text(&issued, "id")).shown_as("revoked")).await?;
    asking.ask(ask("revokeKey").admin().at("id", "0".repeat(32)).is(404)).await?;
    Ok(())
}

/// A component is exchanged, tried and taken back. The one that answers all this stays as it is.
async fn components(asking: &mut Asking) -> anyhow::Result<()> {
    let file = |name: &str| {
        std::fs::read(
            image2model_tests::process::root().join(format!("target/wasm32-wasip2/release/image2model_{name}.wasm")),
        )
    };
    let web = |operation| ask(operation).admin().at("id", "web");
    let other = || anyhow::Ok([file("web")?.as_slice(), &[0, 4, 3, b'n', b'e', b'w']].concat());
    asking.ask(web("rollBackComponent").is(409)).await?;
    asking.ask(web("swapComponent").body(json!({})).is(409)).await?;
    asking.ask(web("swapComponent").body(json!({ "source": "file:///web.wasm" })).is(422)).await?;
    asking.ask(web("swapComponent").wasm(file("media_inspector")?).is(422)).await?;
    let nowhere = json!({ "source": "http://127.0.0.1:9/web.wasm", "digest": format!("sha256:{}", "0".repeat(64)) });
    asking.ask(web("swapComponent").body(nowhere).is(422)).await?;
    asking.ask_prepared(web("tryComponent").query("?weight=10").wasm(other()?).shown_as("trying")).await?;
    asking.ask_prepared(web("tryComponent").body(json!({ "weight": 30 }))).await?;
    asking.ask(web("swapComponent").body(json!({})).shown_as("serving")).await?;
    asking.ask(web("rollBackComponent").shown_as("rolled-back")).await?;
    asking.ask_prepared(web("swapComponent").at("id", "web").wasm(other()?)).await?;
    asking.ask(ask("swapComponent").admin().at("id", "nothing").body(json!({})).is(404)).await?;
    Ok(())
}

/// A key exchanged for a session, which is shown and closed: its cookie is only known on the way.
async fn sessions(asking: &mut Asking) -> anyhow::Result<()> {
    let opened = asking.ask(ask("openSession").body(json!({ "role": "user" })).is(201).shown_as("opened")).await?;
    let cookie = opened.headers["set-cookie"].to_str()?.split(';').next().unwrap_or_default().to_owned();
    asking.ask(ask("openSession").body(json!({ "role": "admin" })).is(403)).await?;
    asking.ask(ask("openSession").body(json!({ "role": "root" })).is(422)).await?;
    asking.ask(ask("showSession").key(None).header("cookie", &*cookie).shown_as("open")).await?;
    asking.ask(ask("showSession").key(None).shown_as("none")).await?;
    asking.ask(ask("listJobs").key(None).header("cookie", &*cookie)).await?;
    let from_elsewhere = ask("listJobs").key(None).header("cookie", &*cookie).header("sec-fetch-site", "cross-site");
    asking.ask(from_elsewhere.is(403)).await?;
    asking.ask(ask("closeSession").key(None).header("cookie", &*cookie).shown_as("closed")).await?;
    Ok(())
}

async fn uploads(asking: &mut Asking) -> anyhow::Result<()> {
    let good = Upload::new("stool.jpg", photo::jpeg(160, 120, 9)?);
    let bad = Upload::new("notes.jpg", "these are notes");
    let forms = [
        (ask("upload").shown_as("answer"), "files", &good),
        (ask("uploadBatch"), "files[]", &good),
        (ask("uploadImage").shown_as("answer"), "file", &good),
        (ask("upload").is(400), "files", &bad),
    ];
    for (ask, field, file) in forms {
        asking.send(ask, Form::new().text("face_limit", "20000").part(field, file.part()?)).await?;
    }
    let wrong = ask("upload").body(json!({ "files": [] })).is(415);
    asking.ask(wrong).await?;
    Ok(())
}

/// A task that no job has.
const UNKNOWN: &str = "00000000-0000-4000-8000-000000000000";

fn status(jobs: &Jobs) -> Vec<Ask> {
    let mut asks = vec![];
    for (name, job) in [
        ("completed", &jobs.completed),
        ("partially_completed", &jobs.partial),
        ("failed", &jobs.failed),
        ("cancelled", &jobs.cancelled),
        ("running", &jobs.running),
        ("stored", &jobs.stored),
    ] {
        asks.push(ask("getJobStatus").at("job_id", id(job)).shown_as(name));
        asks.push(ask("getTask").at("task_id", task(job)).shown_as(name));
    }
    let done = &jobs.completed;
    asks.extend([
        ask("getJobStatus").at("job_id", id(&jobs.running)).query("?wait=1"),
        ask("getJobStatus").at("job_id", id(done)).query("?wait=x").is(422),
        ask("getJobStatus").at("job_id", id(done)).header("if-none-match", "*").is(304),
        ask("getJob").at("job_id", id(done)),
        ask("getJobProgress").at("job_id", id(done)),
        ask("getTaskStatus").at("task_id", task(done)),
        ask("getTask").at("task_id", UNKNOWN).shown_as("unknown"),
        ask("getTask").at("task_id", id(done)),
        ask("getTask").at("task_id", "none").is(400),
        ask("getBatchStatus").at("batch_id", id(done)).shown_as("completed"),
        ask("getModelJob").at("job_id", id(done)),
        ask("getTask").at("task_id", text(&done["files"][0], "task_id")).shown_as("of-one-file"),
        ask("getFileStatus").at("file_id", file(done, 0)).shown_as("completed"),
        ask("listJobs").shown_as("page"),
        ask("listJobs").query("?status=failed&limit=5"),
        ask("listJobs").query("?limit=0").is(422),
        ask("streamJob").at("job_id", id(done)).shown_as("first-connection"),
        ask("streamTask").at("task_id", task(done)).shown_as("first-connection"),
        ask("streamTask").at("task_id", task(&jobs.running)).query("?timeout=1").shown_as("timeout"),
        ask("streamTask").at("task_id", UNKNOWN).query("?timeout=1").shown_as("unknown"),
        ask("streamTask").at("task_id", task(done)).query("?timeout=0").is(422),
    ]);
    asks
}

fn downloads(jobs: &Jobs) -> Vec<Ask> {
    let done = &jobs.completed;
    let of_file = |operation| ask(operation).at("job_id", id(done)).at("file_id", file(done, 0));
    vec![
        ask("listResults").at("job_id", id(done)).shown_as("list"),
        ask("listResults").at("job_id", id(done)).query("?format=zip"),
        ask("listResults").at("job_id", id(done)).query("?format=rar").is(400),
        ask("listResults").at("job_id", id(&jobs.failed)).query("?format=zip").is(409),
        of_file("downloadModel"),
        of_file("downloadModel").header("range", "bytes=100-199").is(206),
        of_file("downloadModel").header("range", "bytes=99999999999-").is(416),
        of_file("downloadModel").query("?format=stl").is(404),
        of_file("downloadModel").header("if-match", "\"another\"").is(412),
        of_file("downloadPreview"),
        of_file("downloadOriginal"),
        of_file("downloadThumbnail"),
        ask("downloadModel").at("job_id", id(&jobs.running)).at("file_id", file(&jobs.running, 0)).is(409),
        ask("downloadModel").at("job_id", id(done)).at("file_id", file(&jobs.running, 0)).is(404),
        ask("downloadByName").at("job_id", id(done)).at("filename", "chair.glb"),
        ask("downloadByName").at("job_id", id(done)).at("filename", "sofa.glb").is(404),
        ask("downloadDirect").at("filename", "vase.glb"),
    ]
}

fn refusals(jobs: &Jobs) -> Vec<Ask> {
    let unknown = "0".repeat(32);
    vec![
        ask("listJobs").key(None).is(403),
        ask("listJobs").key(Some("wrong")).is(403),
        ask("getSystemInfo").is(403),
        ask("getJobStatus").at("job_id", unknown).is(404),
        ask("streamJob").at("job_id", id(&jobs.completed)).header("accept", "application/json").is(406),
        ask("retryJob").at("job_id", id(&jobs.completed)).body(json!({})).is(409),
        ask("generateModel").body(json!({ "job_id": id(&jobs.running), "file_id": file(&jobs.running, 0) })).is(409),
        ask("getJobStatus").at("job_id", id(&jobs.completed)).key(None),
    ]
}

fn open_and_admin(jobs: &Jobs) -> Vec<Ask> {
    let open = |operation| ask(operation).key(None);
    let mut asks = vec![
        open("getRoot").shown_as("facts"),
        open("getRoot").header("accept", "text/html"),
        open("getOpenApi"),
        open("getOpenApiV1").header("if-none-match", "*").is(304),
        open("getDocs").header("accept", "text/html"),
        open("getRedoc").header("accept", "text/html"),
        open("listModels").shown_as("models"),
        open("getHealth").shown_as("healthy"),
        open("getLiveness").shown_as("alive"),
        open("getReadiness").shown_as("ready"),
        ask("getSystemInfo").admin().shown_as("info"),
        ask("getSystemHealth").admin().shown_as("health"),
        ask("getDiskUsage").admin().shown_as("usage"),
        ask("listFiles").admin().query("?directory=uploads").shown_as("uploads"),
        ask("listComponents").admin().shown_as("components"),
        ask("listAllJobs").admin().shown_as("page"),
        ask("getJobHistory").admin().at("job_id", id(&jobs.partial)).shown_as("history"),
        open("getMetrics"),
        open("getMetrics").header("accept", "application/openmetrics-text"),
        open("getDetailedHealth").shown_as("detailed"),
        ask("cleanUp").admin().body(json!({ "older_than_hours": 0, "dry_run": true })).shown_as("dry-run"),
        ask("cleanUp").admin().body(json!({ "older_than_hours": -1 })).is(422),
        ask("cleanUpJob").admin().body(json!({ "job_id": id(&jobs.running) })).is(409),
    ];
    asks.extend(logs());
    let names = ["getHealthV1", "getLivenessV1", "getLivenessByOriginalName", "getLivenessByOriginalNameV1"];
    let metrics = ["getMetricsV1", "getMetricsByOriginalName", "getMetricsByOriginalNameV1", "getDetailedHealthV1"];
    let others = ["getReadinessV1", "getReadinessByOriginalName", "getReadinessByOriginalNameV1"];
    asks.extend(names.into_iter().chain(metrics).chain(others).map(open));
    asks
}

fn logs() -> Vec<Ask> {
    let admin = |operation| ask(operation).admin();
    vec![
        admin("listLogEntries").query("?type=audit&limit=3").shown_as("page"),
        admin("listLogEntries").query("?type=apache").is(422),
        admin("listLogTypes").shown_as("types"),
        admin("getLogStatistics").query("?hours=2").shown_as("two-hours"),
        admin("getLogHealth").shown_as("health"),
        admin("analyzeLogs").query("?hours=1&type=access").shown_as("one-hour"),
        admin("getDailyLogSummary").shown_as("today"),
        admin("exportLogs").body(json!({ "type": "access" })),
        admin("exportLogs").body(json!({ "format": "csv" })),
        admin("rotateLogs").body(json!({ "type": "audit" })).is(422),
        admin("rotateLogs").body(json!({ "type": "access" })).shown_as("rotated"),
        admin("cleanUpLogs").query("?older_than_days=1&dry_run=true").shown_as("dry-run"),
        ask("listLogTypes").is(403),
    ]
}

/// What changes jobs comes last.
fn changing(jobs: &Jobs) -> Vec<Ask> {
    let single = json!({ "job_id": id(&jobs.stored), "file_id": file(&jobs.stored, 0), "face_limit": 3000 });
    let original = json!({ "file_id": file(&jobs.completed, 1), "quality": "low" });
    vec![
        ask("generateModel").body(single).is(202).shown_as("accepted"),
        ask("generateModel").body(json!({ "job_id": id(&jobs.stored), "file_id": "0".repeat(32) })).is(404),
        ask("shareJob")
            .at("job_id", id(&jobs.completed))
            .body(json!({ "expires_in_seconds": 3600 }))
            .is(201)
            .shown_as("shared"),
        ask("shareJob").at("job_id", id(&jobs.completed)).body(json!({ "expires_in_seconds": 5 })).is(422),
        ask("withdrawLinks").at("job_id", id(&jobs.completed)).shown_as("withdrawn"),
        ask("generateModelOriginal").body(original).is(202).shown_as("accepted"),
        ask("retryJob").at("job_id", id(&jobs.failed)).body(json!({})).is(202).shown_as("accepted"),
        ask("retryJob").at("job_id", id(&jobs.cancelled)).body(json!({})).is(409),
        ask("cancelFileOfJob")
            .at("job_id", id(&jobs.completed))
            .at("file_id", file(&jobs.completed, 0))
            .is(202)
            .shown_as("ended-before"),
        ask("cancelFileOfJob").at("job_id", id(&jobs.completed)).at("file_id", "0".repeat(32)).is(404),
        ask("cancelJob").at("job_id", id(&jobs.running)).is(202).shown_as("accepted"),
        ask("eraseJob").at("job_id", id(&jobs.cancelled)).shown_as("erased"),
        ask("eraseJob").at("job_id", id(&jobs.cancelled)).is(404),
        ask("cancelJob").at("job_id", id(&jobs.completed)).is(202).shown_as("ended-before"),
        ask("cleanUpJob").admin().body(json!({ "job_id": id(&jobs.partial) })).shown_as("deleted"),
        ask("deleteJob").admin().at("job_id", id(&jobs.completed)).shown_as("deleted"),
        ask("deleteJob").admin().at("job_id", id(&jobs.completed)).is(404),
    ]
}
