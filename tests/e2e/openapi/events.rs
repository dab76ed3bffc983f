//! The events of both streams: every one that is documented is seen, and each is what its schema says.

use std::collections::BTreeSet;

use image2model_tests::client::Upload;
use image2model_tests::{Client, photo};
use reqwest::Method;
use serde_json::{Value, json};

use super::asking::{id, task};
use super::contract::Contract;
use super::prepared::{ADMIN_KEY, USER_KEY, product};

/// Events as they came, by the operation whose stream it was.
type Seen = Vec<(&'static str, String, Value)>;

async fn upload(client: &Client, names: &[&str]) -> anyhow::Result<Value> {
    let file = |(name, seed): (&&str, u32)| anyhow::Ok(Upload::new(name, photo::jpeg(160, 120, seed)?));
    let files = names.iter().zip(1..).map(file).collect::<Result<Vec<_>, _>>()?;
    client.upload(&files, &[]).await
}

/// Both streams of a job to their ends. Where it has ended before, they tell its state.
async fn streams(client: &Client, job: &Value, query: &str, last: Option<&str>) -> anyhow::Result<Seen> {
    let plain = format!("/api/v1/status/stream/{}", id(job));
    let named = format!("/api/v1/status/tasks/{}/stream{query}", task(job));
    let (plain, named) = tokio::join!(client.events(&plain, last), client.events(&named, last));
    let of = |operation, events: Vec<(String, String, Value)>| {
        events.into_iter().map(move |(_, name, data)| (operation, name, data))
    };
    Ok(of("streamJob", plain?).chain(of("streamTask", named?)).collect())
}

/// A job that nobody begins: it waits until its clients have had enough of it.
async fn waiting(client: &Client, admin: &Client) -> anyhow::Result<Seen> {
    let queue = |word| format!("/api/v1/admin/queues/batch_processing/{word}");
    admin.request(Method::POST, &queue("pause")).send().await?.error_for_status()?;
    let job = upload(client, &["chair.jpg"]).await?;
    // Longer than a heartbeat takes.
    let path = format!("/api/v1/status/tasks/{}/stream?timeout=14", task(&job));
    let events = client.events(&path, None).await?;
    admin.request(Method::POST, &queue("resume")).send().await?.error_for_status()?;
    Ok(events.into_iter().map(|(_, name, data)| ("streamTask", name, data)).collect())
}

async fn cancelled(client: &Client) -> anyhow::Result<Seen> {
    let job = upload(client, &["sim-slow.jpg"]).await?;
    let cancel = async {
        let path = format!("/api/v1/jobs/{}", id(&job));
        anyhow::Ok(client.request(Method::DELETE, &path).send().await?.error_for_status()?)
    };
    let (seen, cancelled) = tokio::join!(streams(client, &job, "", None), cancel);
    cancelled?;
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn every_documented_event_is_seen_and_is_what_its_schema_says() {
    let product = product().unwrap();
    let client = product.client_with_key(USER_KEY).unwrap();
    let admin = product.client_with_key(ADMIN_KEY).unwrap();
    let contract = Contract::new(client.json("/openapi.json").await.unwrap()).unwrap();

    let mixed = upload(&client, &["a.jpg", "sim-content-policy.jpg"]).await.unwrap();
    let failed = upload(&client, &["sim-content-policy.jpg"]).await.unwrap();
    let mut seen = streams(&client, &mixed, "?timeout=60", None).await.unwrap();
    seen.extend(streams(&client, &failed, "", None).await.unwrap());
    seen.extend(streams(&client, &mixed, "", Some("1-of-another-service")).await.unwrap());
    seen.extend(cancelled(&client).await.unwrap());
    seen.extend(waiting(&client, &admin).await.unwrap());

    let mut left = documented(&contract);
    for (operation, name, data) in seen {
        let name = if name.is_empty() { "message".to_owned() } else { name };
        let schemas = &contract.source(operation).unwrap()["x-sse-events"];
        let schema = schemas.get(&name).unwrap_or_else(|| panic!("{operation}: the event {name} is not documented"));
        contract.check_value(schema, &data).unwrap_or_else(|e| panic!("{operation} {name}: {e:#}"));
        let kind = if name == "message" { data["type"].as_str().unwrap_or_default().to_owned() } else { name };
        left.remove(&(operation, kind));
    }
    assert!(left.is_empty(), "documented, and never seen: {left:?}");
}

/// Every event of both streams: by its name, or by its `type` where it has none.
fn documented(contract: &Contract) -> BTreeSet<(&'static str, String)> {
    let named = contract.source("streamTask").unwrap()["x-sse-events"].as_object().unwrap();
    let kinds = contract.schema("JobEvent").unwrap()["discriminator"]["mapping"].as_object().unwrap();
    assert_eq!(
        contract.source("streamJob").unwrap()["x-sse-events"],
        json!({ "message": { "$ref": "#/components/schemas/JobEvent" } })
    );
    let named = named.keys().map(|name| ("streamTask", name.clone()));
    named.chain(kinds.keys().map(|kind| ("streamJob", kind.clone()))).collect()
}
