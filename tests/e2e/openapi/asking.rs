//! Asking an operation of the document by its id, and holding what comes against the document.

use std::collections::BTreeSet;

use image2model_tests::client::text;
use image2model_tests::{Client, Product};
use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::Value;

use super::contract::{Answer, Contract};
use super::examples::Examples;
use super::prepared::{ADMIN_KEY, USER_KEY};

/// One request, by the operation that it asks.
#[derive(Clone, Default)]
pub struct Ask {
    operation: &'static str,
    places: Vec<(&'static str, String)>,
    query: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Option<Value>,
    wasm: Option<Vec<u8>>,
    key: Option<String>,
    status: u16,
    example: Option<&'static str>,
}

pub fn ask(operation: &'static str) -> Ask {
    Ask { operation, status: 200, key: Some(USER_KEY.to_owned()), ..Ask::default() }
}

impl Ask {
    pub fn at(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.places.push((name, value.into()));
        self
    }
    pub fn query(mut self, query: &'static str) -> Self {
        self.query = query;
        self
    }
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
    pub fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }
    /// A component as the body.
    pub fn wasm(mut self, bytes: Vec<u8>) -> Self {
        self.wasm = Some(bytes);
        self
    }
    pub fn key(mut self, key: Option<&str>) -> Self {
        self.key = key.map(str::to_owned);
        self
    }
    pub fn admin(self) -> Self {
        self.key(Some(ADMIN_KEY))
    }
    pub fn is(mut self, status: u16) -> Self {
        self.status = status;
        self
    }
    /// What tells this example from others of the same operation and status.
    pub fn shown_as(mut self, name: &'static str) -> Self {
        self.example = Some(name);
        self
    }
}

/// Asks, checks, and keeps account.
pub struct Asking {
    pub product: Product,
    pub contract: Contract,
    pub examples: Examples,
    pub asked: BTreeSet<&'static str>,
}

impl Asking {
    pub async fn start(product: Product) -> anyhow::Result<Self> {
        let document = product.client()?.json("/openapi.json").await?;
        Ok(Self { product, contract: Contract::new(document)?, examples: Examples::new()?, asked: BTreeSet::new() })
    }

    pub async fn ask(&mut self, ask: Ask) -> anyhow::Result<Answer> {
        let answer = self.answer(&ask).await?;
        self.check(&ask, answer)
    }

    /// The same of a change of a component, which takes longer than an answer waits where the machine is busy. Then it is ended
    /// first, and asked for again.
    pub async fn ask_prepared(&mut self, ask: Ask) -> anyhow::Result<Answer> {
        let mut answer = self.answer(&ask).await?;
        while answer.status == 202 {
            let of = answer.json()["id"].clone();
            let admin = self.product.client_with_key(ADMIN_KEY)?;
            let idle = |shown: &Value| {
                let mut components = shown["components"].as_array().into_iter().flatten();
                components.any(|shown| shown["id"] == of && shown["rollout"]["candidate"].is_null())
            };
            admin.until("/api/v1/admin/components", idle).await?;
            answer = self.answer(&ask).await?;
        }
        self.check(&ask, answer)
    }

    async fn answer(&self, ask: &Ask) -> anyhow::Result<Answer> {
        Answer::to(async || self.one_answer(ask).await).await
    }

    async fn one_answer(&self, ask: &Ask) -> anyhow::Result<Answer> {
        let operation = self.contract.operations().get(ask.operation).cloned();
        let operation = operation.ok_or_else(|| anyhow::anyhow!("{} is not documented", ask.operation))?;
        let mut path = operation.path.clone();
        for (name, value) in &ask.places {
            path = path.replace(&format!("{{{name}}}"), value);
        }
        let method: Method = operation.method.to_uppercase().parse()?;
        let client = Client::new(self.product.url(), ask.key.as_deref())?;
        let mut request = client.request(method, &format!("{path}{}", ask.query));
        for (name, value) in &ask.headers {
            request = request.header(*name, value);
        }
        if let Some(body) = &ask.body {
            request = request.json(body);
        }
        if let Some(bytes) = &ask.wasm {
            request = request.header("content-type", "application/wasm").body(bytes.clone());
        }
        Answer::read(request.send().await?).await
    }

    /// Asks with a form.
    pub async fn send(&mut self, ask: Ask, form: Form) -> anyhow::Result<Answer> {
        let operation = self.contract.operations()[ask.operation].clone();
        let client = Client::new(self.product.url(), ask.key.as_deref())?;
        let mut request = client.request(Method::POST, &operation.path).multipart(form);
        for (name, value) in &ask.headers {
            request = request.header(*name, value);
        }
        let answer = Answer::read(request.send().await?).await?;
        self.check(&ask, answer)
    }

    pub fn check(&mut self, ask: &Ask, answer: Answer) -> anyhow::Result<Answer> {
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
    pub async fn all(&mut self, asks: Vec<Ask>) {
        let mut complaints = Vec::new();
        for ask in asks {
            if let Err(error) = self.ask(ask).await {
                complaints.push(format!("{error:#}"));
            }
        }
        assert!(complaints.is_empty(), "{}", complaints.join("\n\n"));
    }
}

pub fn id(job: &Value) -> String {
    text(job, "job_id").to_owned()
}

pub fn file(job: &Value, n: usize) -> String {
    text(&job["files"][n], "file_id").to_owned()
}

pub fn task(job: &Value) -> String {
    text(job, "task_id").to_owned()
}
