//! The admin routes of a running service, as commands call them: one client, one way to ask, one way to print.
//!
//! Exit code of every such command: 0 when it was done, 1 when the server refused, 2 when nothing was asked of it.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Subcommand;
use reqwest::{Client, Method, Url};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::out::{ended, print};
use super::server::{self, Server, accepted};
use super::{FAILED, USAGE, complain};

/// Every answer is short.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// Entries asked for at a time.
const PAGE: usize = 100;

/// A command of several tasks.
#[derive(clap::Args)]
pub struct Args<T: Subcommand> {
    #[command(subcommand)]
    task: T,
    #[command(flatten)]
    connection: Connection,
}

/// One task: what it asks of the service, and how the answer is shown.
pub trait Task: Subcommand {
    async fn ask(&self, api: &AdminApi) -> anyhow::Result<Value>;

    fn shown(&self, answer: &Value) -> String;
}

#[derive(clap::Args)]
struct Connection {
    /// Where Image2Model is served
    #[arg(long, global = true, default_value = "http://127.0.0.1:3000", env = "IMAGE2MODEL_URL")]
    url: String,
    /// Admin key [default: ADMIN_API_KEY of the environment or of .env]
    #[arg(long, global = true)]
    key: Option<SecretString>,
    /// Print the server's JSON
    #[arg(long, global = true)]
    json: bool,
}

/// Asks, and prints the answer: as it is, or as the task shows it.
pub fn run<T: Task>(Args { task, connection }: &Args<T>) -> ExitCode {
    let (api, runtime) = match prepare(connection) {
        Ok(prepared) => prepared,
        Err(error) => return complain(&error, USAGE),
    };
    let said = runtime.block_on(task.ask(&api)).and_then(|answer| {
        Ok(if connection.json { serde_json::to_string_pretty(&answer)? } else { task.shown(&answer) })
    });
    match said {
        Ok(said) => ended(print(format_args!("{}\n", said.trim_end()))),
        Err(error) => complain(&error, FAILED),
    }
}

fn prepare(connection: &Connection) -> anyhow::Result<(AdminApi, tokio::runtime::Runtime)> {
    let server = Server::new(&connection.url, server::key(connection.key.clone(), "ADMIN_API_KEY")?)?;
    let client = Client::builder().timeout(ANSWER_WITHIN).build()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok((AdminApi { server, client }, runtime))
}

/// A service and the key to it.
pub struct AdminApi {
    server: Server,
    client: Client,
}

impl AdminApi {
    /// The address of a path's segments under `/api/v1`, each written so that nothing in it ends the segment.
    fn url(&self, path: &[&str]) -> anyhow::Result<Url> {
        let mut url = self.server.base.join("/api/v1")?;
        let mut segments =
            url.path_segments_mut().map_err(|()| anyhow::anyhow!("--url must be an http:// or https:// address"))?;
        segments.extend(path);
        drop(segments);
        Ok(url)
    }

    pub async fn get(&self, path: &[&str]) -> anyhow::Result<Value> {
        self.ask(Method::GET, self.url(path)?, None).await
    }

    pub async fn post(&self, path: &[&str], body: Option<&Value>) -> anyhow::Result<Value> {
        self.ask(Method::POST, self.url(path)?, body).await
    }

    /// A call that says everything in its query.
    pub async fn post_query(&self, path: &[&str], query: &[(&str, String)]) -> anyhow::Result<Value> {
        let mut url = self.url(path)?;
        url.query_pairs_mut().extend_pairs(query);
        self.ask(Method::POST, url, None).await
    }

    /// A body that is no JSON.
    pub async fn post_bytes(
        &self,
        path: &[&str],
        query: &[(&str, String)],
        content_type: &str,
        bytes: Vec<u8>,
    ) -> anyhow::Result<Value> {
        let mut url = self.url(path)?;
        url.query_pairs_mut().extend_pairs(query);
        let request = self.client.request(Method::POST, url).header("content-type", content_type).body(bytes);
        self.answer(self.server.with_key(request)).await
    }

    pub async fn put(&self, path: &[&str], body: &Value) -> anyhow::Result<Value> {
        self.ask(Method::PUT, self.url(path)?, Some(body)).await
    }

    pub async fn delete(&self, path: &[&str]) -> anyhow::Result<Value> {
        self.ask(Method::DELETE, self.url(path)?, None).await
    }

    /// The entries called `name` of all pages, `most` at most: `{name: […]}`.
    pub async fn all(&self, path: &[&str], query: &[(&str, &str)], name: &str, most: usize) -> anyhow::Result<Value> {
        let mut first = self.url(path)?;
        first.query_pairs_mut().extend_pairs(query).append_pair("limit", &PAGE.min(most).to_string());
        let (mut entries, mut url) = (Vec::new(), first.clone());
        loop {
            let mut page = self.ask(Method::GET, url, None).await?;
            if let Some(Value::Array(more)) = page.get_mut(name).map(Value::take) {
                entries.extend(more);
            }
            let next = page.get("next_cursor").and_then(Value::as_str).filter(|_| entries.len() < most);
            let Some(next) = next else { break };
            url = first.clone();
            url.query_pairs_mut().append_pair("cursor", next);
        }
        entries.truncate(most);
        Ok(json!({ name: entries }))
    }

    async fn ask(&self, method: Method, url: Url, body: Option<&Value>) -> anyhow::Result<Value> {
        let mut request = self.server.with_key(self.client.request(method, url));
        if let Some(body) = body {
            request = request.json(body);
        }
        self.answer(request).await
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> anyhow::Result<Value> {
        let response = request.send().await.context("the server does not answer")?;
        accepted(response).await?.json().await.context("the server's answer is not that of Image2Model")
    }
}
