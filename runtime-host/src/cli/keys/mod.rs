//! `image2model keys issue | list | revoke`: API keys, over the admin routes of a running service.
//!
//! Exit code: 0 when it was done, 1 when the server refused, 2 when nothing was asked of it.

mod lifetime;
mod table;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{Subcommand, ValueEnum};
use reqwest::{Client, Method, Url};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::server::{self, Server, accepted};
use super::{FAILED, USAGE, complain};

/// Every answer is short.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// Keys asked for at a time.
const PAGE: &str = "100";

#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    task: Task,
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

#[derive(Subcommand)]
enum Task {
    /// Issue a key; it is shown this once
    Issue(Issue),
    /// List all keys, newest first, those that open nothing any more among them
    List,
    /// Take a key back, at once and everywhere
    Revoke {
        /// Its id, as listed
        id: String,
    },
}

#[derive(clap::Args)]
struct Issue {
    /// What to call it
    name: String,
    /// What it opens
    #[arg(long, value_enum, default_value_t = Role::User)]
    role: Role,
    /// For how long, such as 90d, 12h or 30m; for ever otherwise
    #[arg(long, value_parser = lifetime::seconds, value_name = "TIME")]
    expires_in: Option<u64>,
    /// Requests a minute, 0 for any number; the server's limit otherwise
    #[arg(long, value_name = "N")]
    per_minute: Option<u32>,
    /// Requests an hour, 0 for any number; the server's limit otherwise
    #[arg(long, value_name = "N")]
    per_hour: Option<u32>,
    /// Uploads a minute, 0 for any number; the server's limit otherwise
    #[arg(long, value_name = "N")]
    uploads_per_minute: Option<u32>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Role {
    User,
    Admin,
}

pub fn run(args: Args) -> ExitCode {
    let prepared = prepare(&args);
    let (api, runtime) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => return complain(&error, USAGE),
    };
    match runtime.block_on(api.perform(&args)) {
        Ok(said) => {
            println!("{}", said.trim_end());
            ExitCode::SUCCESS
        }
        Err(error) => complain(&error, FAILED),
    }
}

fn prepare(args: &Args) -> anyhow::Result<(Api, tokio::runtime::Runtime)> {
    let server = Server::new(&args.url, server::key(args.key.clone(), "ADMIN_API_KEY")?)?;
    let client = Client::builder().timeout(ANSWER_WITHIN).build()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok((Api { server, client }, runtime))
}

struct Api {
    server: Server,
    client: Client,
}

impl Api {
    /// Does what is asked and answers what to print.
    async fn perform(&self, args: &Args) -> anyhow::Result<String> {
        let answer = match &args.task {
            Task::Issue(issue) => self.ask(Method::POST, self.keys()?, Some(&issue.body())).await?,
            Task::List => self.all().await?,
            Task::Revoke { id } => self.ask(Method::DELETE, self.one_key(id)?, None).await?,
        };
        if args.json {
            return Ok(serde_json::to_string_pretty(&answer)?);
        }
        Ok(match &args.task {
            Task::Issue(_) => table::issued(&answer),
            Task::List => table::listed(&answer),
            Task::Revoke { .. } => table::revoked(&answer),
        })
    }

    async fn all(&self) -> anyhow::Result<Value> {
        let (mut keys, mut url) = (Vec::new(), self.keys()?);
        url.query_pairs_mut().append_pair("limit", PAGE);
        let first = url.clone();
        loop {
            let mut page = self.ask(Method::GET, url, None).await?;
            if let Some(Value::Array(more)) = page.get_mut("keys").map(Value::take) {
                keys.extend(more);
            }
            let Some(next) = page.get("next_cursor").and_then(Value::as_str) else { break };
            url = first.clone();
            url.query_pairs_mut().append_pair("cursor", next);
        }
        Ok(json!({ "keys": keys }))
    }

    fn keys(&self) -> anyhow::Result<Url> {
        Ok(self.server.base.join("/api/v1/admin/keys")?)
    }

    fn one_key(&self, id: &str) -> anyhow::Result<Url> {
        let mut url = self.keys()?;
        url.path_segments_mut().map_err(|()| anyhow::anyhow!("--url must be an http:// or https:// address"))?.push(id);
        Ok(url)
    }

    async fn ask(&self, method: Method, url: Url, body: Option<&Value>) -> anyhow::Result<Value> {
        let mut request = self.server.with_key(self.client.request(method, url));
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.context("the server does not answer")?;
        accepted(response).await?.json().await.context("the server's answer is not that of Image2Model")
    }
}

impl Issue {
    fn body(&self) -> Value {
        json!({
            "name": self.name,
            "role": match self.role { Role::User => "user", Role::Admin => "admin" },
            "expires_in_seconds": self.expires_in,
            "limits": {
                "per_minute": self.per_minute,
                "per_hour": self.per_hour,
                "uploads_per_minute": self.uploads_per_minute,
            },
        })
    }
}
