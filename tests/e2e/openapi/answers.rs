//! Every documented operation is asked, and what comes is held against the document. `UPDATE_EXAMPLES=1` keeps the answers.

use std::collections::BTreeSet;

use image2model_tests::client::{Upload, text};
use image2model_tests::contract::{Answer, Contract};
use image2model_tests::examples::Examples;
use image2model_tests::{Client, Product, photo};
use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::{Value, json};

use super::prepared::{ADMIN_KEY, Jobs, USER_KEY, jobs, product};

/// One request, by the operation that it asks.
#[derive(Clone, Default)]
struct Ask {
    operation: &'static str,
    places: Vec<(&'static str, String)>,
    query: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Option<Value>,
    key: Option<&'static str>,
    status: u16,
    example: Option<&'static str>,
}

fn ask(operation: &'static str) -> Ask {
    Ask { operation, status: 200, key: Some(USER_KEY), ..Ask::default() }
}

impl Ask {
    fn at(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.places.push((name, value.into()));
        self
    }
    fn query(mut self, query: &'static str) -> Self {
        self.query = query;
        self
    }
    fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
    fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }
    fn key(mut self, key: Option<&'static str>) -> Self {
        self.key = key;
        self
    }
    fn admin(self) -> Self {
        self.key(Some(ADMIN_KEY))
    }
    fn is(mut self, status: u16) -> Self {
        self.status = status;
        self
    }
    /// What tells this example from others of the same operation and status.
    fn shown_as(mut self, name: &'static str) -> Self {
        self.example = Some(name);
        self
    }
}

/// Asks, checks, and keeps account.
struct Asking {
    product: Product,
    contract: Contract,
    examples: Examples,
    asked: BTreeSet<&'static str>,
}

impl Asking {
    async fn start(product: Product) -> anyhow::Result<Self> {
        let document = product.client()?.json("/openapi.json").await?;
        Ok(Self { product, contract: Contract::new(document)?, examples: Examples::new()?, asked: BTreeSet::new() })
    }

    async fn ask(&mut self, ask: Ask) -> anyhow::Result<Answer> {
        let operation = self.contract.operations().get(ask.operation).cloned();
        let operation = operation.ok_or_else(|| anyhow::anyhow!("{} is not documented", ask.operation))?;
        let mut path = operation.path.clone();
        for (name, value) in &ask.places {
            path = path.replace(&format!("{{{name}}}"), value);
        }
        let method: Method = operation.method.to_uppercase().parse()?;
        let client = Client::new(self.product.url(), ask.key)?;
        let mut request = client.request(method, &format!("{path}{}", ask.query));
        for (name, value) in &ask.headers {
            request = request.header(*name, value);
        }
        if let Some(body) = &ask.body {
            request = request.json(body);
        }
        let answer = Answer::read(request.send().await?).await?;
        self.check(&ask, answer)
    }

    fn check(&mut self, ask: &Ask, answer: Answer) -> anyhow::Result<Answer> {
        let said = String::from_utf8_lossy(&answer.body).chars().take(600).collect::<String>();
        anyhow::ensure!(
            answer.status == ask.status,
            "{}{} {:?} answered {}, not {}: {said}",
            ask.operation,
            ask.query,
            ask.headers,
            answer.status,
            ask.status
        );
        self.contract.check(ask.operation, &answer)?;
        self.asked.insert(ask.operation);
        let name = match (answer.json().get("error_code").and_then(Value::as_str), ask.example) {
            (Some(code), _) => format!("problem.{}.{code}", answer.status),
            (None, Some(name)) => format!("{}.{}.{name}", ask.operation, answer.status),
            (None, None) => return Ok(answer),
        };
        self.examples.note(&name, &answer)?;
        Ok(answer)
    }

    /// Asks them all and complains about all.
    async fn all(&mut self, asks: Vec<Ask>) {
        let mut complaints = Vec::new();
        for ask in asks {
            if let Err(error) = self.ask(ask).await {
                complaints.push(format!("{error:#}"));
            }
        }
        assert!(complaints.is_empty(), "{}", complaints.join("\n\n"));
    }
}

fn id(job: &Value) -> String {
    text(job, "job_id").to_owned()
}

fn file(job: &Value, n: usize) -> String {
    text(&job["files"][n], "file_id").to_owned()
}

fn task(job: &Value) -> String {
    text(job, "task_id").to_owned()
}

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
    asking.all(changing(&jobs)).await;
    keys(&mut asking).await.unwrap();
    let operations: BTreeSet<&str> = asking.contract.operations().keys().map(String::as_str).collect();
    let asked: BTreeSet<&str> = asking.asked.iter().copied().collect();
    let left: Vec<_> = operations.difference(&asked).collect();
    assert!(left.is_empty(), "documented, and not asked here: {left:?}");
}

/// The queues as operators see and steer them. What failed stands among the dead letters.
async fn queues(asking: &mut Asking, jobs: &Jobs) -> anyhow::Result<()> {
    asking.ask(ask("listQueues").admin().shown_as("queues")).await?;
    asking.ask(ask("pauseQueue").admin().at("name", "maintenance").shown_as("paused")).await?;
    asking.ask(ask("resumeQueue").admin().at("name", "maintenance").shown_as("resumed")).await?;
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
    asking.ask(ask("cancelTask").admin().at("id", id(&jobs.running)).is(202)).await?;
    asking.ask(ask("cancelTask").admin().at("id", "0".repeat(32)).is(404)).await?;
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
        let operation = asking.contract.operations()[ask.operation].clone();
        let client = asking.product.client_with_key(USER_KEY)?;
        let form = Form::new().text("face_limit", "20000").part(field, file.part()?);
        let answer = client.request(Method::POST, &operation.path).multipart(form).send().await?;
        let answer = Answer::read(answer).await?;
        asking.check(&ask, answer)?;
    }
    let wrong = ask("upload").body(json!({ "files": [] })).is(415);
    asking.ask(wrong).await?;
    Ok(())
}

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
        ask("getTask").at("task_id", "00000000-0000-4000-8000-000000000000").shown_as("unknown"),
        ask("getTask").at("task_id", "none").is(400),
        ask("getBatchStatus").at("batch_id", id(done)),
        ask("getModelJob").at("job_id", id(done)),
        ask("getTask").at("task_id", text(&done["files"][0], "task_id")).shown_as("of-one-file"),
        ask("getFileStatus").at("file_id", file(done, 0)).shown_as("completed"),
        ask("listJobs").shown_as("page"),
        ask("listJobs").query("?status=failed&limit=5"),
        ask("listJobs").query("?limit=0").is(422),
        ask("streamJob").at("job_id", id(done)).shown_as("first-connection"),
        ask("streamTask").at("task_id", task(done)).shown_as("first-connection"),
        ask("streamTask").at("task_id", task(&jobs.running)).query("?timeout=1").shown_as("timeout"),
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
        of_file("downloadPreview"),
        of_file("downloadOriginal"),
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
        ask("swapComponent").admin().at("id", "status").is(501),
        ask("rollBackComponent").admin().at("id", "status").is(501),
        ask("tryComponent").admin().at("id", "nobody").is(404),
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
        admin("listLogEntries").query("?limit=3"),
        admin("listLogEntries").query("?type=apache").is(422),
        admin("listLogTypes"),
        admin("getLogStatistics").query("?hours=2"),
        admin("getLogHealth"),
        admin("analyzeLogs").query("?hours=1"),
        admin("getDailyLogSummary"),
        admin("exportLogs").body(json!({ "type": "access" })),
        admin("exportLogs").body(json!({ "format": "csv" })),
        admin("rotateLogs").body(json!({ "type": "audit" })).is(422),
        admin("rotateLogs").body(json!({})),
        admin("cleanUpLogs").query("?older_than_days=1&dry_run=true"),
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
        ask("generateModelOriginal").body(original).is(202).shown_as("accepted"),
        ask("retryJob").at("job_id", id(&jobs.failed)).body(json!({})).is(202).shown_as("accepted"),
        ask("retryJob").at("job_id", id(&jobs.cancelled)).body(json!({})).is(409),
        ask("cancelJob").at("job_id", id(&jobs.running)).is(202).shown_as("accepted"),
        ask("cancelJob").at("job_id", id(&jobs.completed)).is(202).shown_as("ended-before"),
        ask("cleanUpJob").admin().body(json!({ "job_id": id(&jobs.partial) })).shown_as("deleted"),
        ask("deleteJob").admin().at("job_id", id(&jobs.completed)).shown_as("deleted"),
        ask("deleteJob").admin().at("job_id", id(&jobs.completed)).is(404),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_is_what_its_schema_says() {
    let product = product().unwrap();
    let client = product.client_with_key(USER_KEY).unwrap();
    let contract = Contract::new(client.json("/openapi.json").await.unwrap()).unwrap();
    let files: Vec<Upload> = [("a.jpg", 1), ("sim-content-policy.jpg", 2)]
        .into_iter()
        .map(|(name, seed)| Upload::new(name, photo::jpeg(160, 120, seed).unwrap()))
        .collect();
    let job = client.upload(&files, &[]).await.unwrap();
    let plain = format!("/api/v1/status/stream/{}", id(&job));
    let named = format!("/api/v1/status/tasks/{}/stream?timeout=30", task(&job));
    let (plain, named) = tokio::join!(client.events(&plain, None), client.events(&named, None));
    for (operation, events) in [("streamJob", plain.unwrap()), ("streamTask", named.unwrap())] {
        let schemas = &contract.source(operation).unwrap()["x-sse-events"];
        assert!(events.len() > 4);
        for (_, name, data) in events {
            let name = if name.is_empty() { "message" } else { &name };
            let schema = schemas.get(name).unwrap_or_else(|| panic!("{operation}: the event {name} is not documented"));
            contract.check_value(schema, &data).unwrap_or_else(|e| panic!("{operation} {name}: {e:#}"));
        }
    }
}
