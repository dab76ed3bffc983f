//! Refusals that need something done first: what is there already stands in the way, or a limit has been reached.

use image2model_tests::Client;
use image2model_tests::client::{Upload, text};
use image2model_tests::photo;
use reqwest::multipart::Form;
use serde_json::json;

use super::asking::{Asking, ask, file, id};
use super::prepared::{Jobs, USER_KEY, setup};

fn form(file: &Upload) -> anyhow::Result<Form> {
    Ok(Form::new().part("files", file.part()?))
}

/// A new key, with limits of its own.
async fn key(asking: &mut Asking, limits: serde_json::Value) -> anyhow::Result<String> {
    let order = json!({ "name": "another shop", "limits": limits });
    let issued = asking.ask(ask("issueKey").admin().body(order).is(201)).await?.json();
    Ok(text(&issued, "key").to_owned())
}

/// What cannot be done as things stand.
pub async fn conflicts(asking: &mut Asking, jobs: &Jobs) -> anyhow::Result<()> {
    let other = key(asking, json!({})).await?;
    asking.ask(ask("getJobStatus").at("job_id", id(&jobs.completed)).key(Some(&other)).is(403)).await?;

    let named = |seed| anyhow::Ok(Upload::new("twin.jpg", photo::jpeg(160, 120, seed)?));
    let order = |status| ask("upload").header("idempotency-key", "an-order").is(status);
    let first = asking.send(order(200), form(&named(21)?)?).await?.json();
    asking.send(order(409), form(&named(22)?)?).await?;
    let second = asking.send(ask("upload"), form(&named(23)?)?).await?.json();
    let client = asking.product.client_with_key(USER_KEY)?;
    for job in [&first, &second] {
        client.ended(&id(job)).await?;
    }
    asking.ask(ask("downloadDirect").at("filename", "twin.glb").is(409)).await?;

    let maintenance = |operation| ask(operation).admin().at("name", "maintenance");
    asking.ask(maintenance("pauseQueue")).await?;
    asking.ask(ask("cleanUp").admin().body(json!({ "older_than_hours": 87_600 })).is(409)).await?;
    asking.ask(maintenance("resumeQueue")).await?;
    asking.ask(ask("pauseQueue").admin().at("name", "nobody").is(404)).await?;

    let retried = json!({ "files": [file(&jobs.partial, 0), file(&jobs.partial, 1)] });
    asking.ask(ask("retryJob").at("job_id", id(&jobs.partial)).body(retried).is(409)).await?;
    let long = json!({ "job_id": "0".repeat(10_000) });
    asking.ask(ask("cleanUpJob").admin().body(long).is(413)).await?;
    Ok(())
}

/// What is too much: for a key, and for a service that takes hardly anything.
pub async fn by_limits(asking: &mut Asking) -> anyhow::Result<()> {
    let once = key(asking, json!({ "per_minute": 1 })).await?;
    asking.ask(ask("listJobs").key(Some(&once))).await?;
    asking.ask(ask("listJobs").key(Some(&once)).is(429)).await?;

    let small = setup().with("MAX_QUEUED_FILES", "1").with("MAX_STREAMS", "1");
    let small = small.with("MAX_FILES_PER_BATCH", "1").with("MAX_UPLOAD_SIZE", "65536").start()?;
    let usual = std::mem::replace(&mut asking.product, small);
    let image = Upload::new("stool.jpg", photo::jpeg(160, 120, 31)?);
    asking.ask(ask("pauseQueue").admin().at("name", "batch_processing")).await?;
    let waiting = asking.send(ask("upload"), form(&image)?).await?.json();
    asking.send(ask("upload").is(503), form(&image)?).await?;
    let heavy = Upload::new("heavy.jpg", photo::heavy_jpeg(3_000_000, 32)?);
    asking.send(ask("uploadImage").is(413), Form::new().part("file", heavy.part()?)).await?;
    let client = Client::new(asking.product.url(), Some(USER_KEY))?;
    let open = client.get(&format!("/api/v1/status/stream/{}", id(&waiting))).await?;
    asking.ask(ask("streamJob").at("job_id", id(&waiting)).is(503)).await?;
    drop(open);
    asking.product = usual;
    Ok(())
}
