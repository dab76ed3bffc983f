//! The HTTP side: where the server is, the key, and refusals in words for the person at the terminal.

use std::time::Duration;

use anyhow::Context;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// Longer than the streams' heartbeat.
const SILENCE: Duration = Duration::from_secs(45);
const LONGEST_PROBLEM: usize = 64 * 1024;

pub struct Api {
    base: Url,
    key: Option<SecretString>,
    /// For answers that come as they come; gives up on silence.
    reader: Client,
    /// For uploads, whose answer comes after the whole body.
    sender: Client,
}

/// An accepted upload.
pub struct Job {
    pub id: String,
    /// Ids of its files, in the order they were sent.
    pub files: Vec<String>,
    /// Lets whoever has no key follow it.
    pub access_token: Option<String>,
}

impl Api {
    pub fn new(url: &str, key: Option<SecretString>) -> anyhow::Result<Self> {
        let base = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let base = base.context("--url must be an http:// or https:// address")?;
        let reader = Client::builder().connect_timeout(CONNECT_WITHIN).read_timeout(SILENCE).build()?;
        let sender = Client::builder().connect_timeout(CONNECT_WITHIN).build()?;
        Ok(Self { base, key, reader, sender })
    }

    /// A path of the server as an absolute address.
    pub fn link(&self, path: &str) -> String {
        self.base.join(path).map_or_else(|_| path.to_owned(), |url| url.to_string())
    }

    pub fn upload(&self) -> RequestBuilder {
        self.with_key(self.sender.request(Method::POST, self.link("/api/v1/upload")))
    }

    /// A GET about the job, with these query parameters.
    pub fn get(&self, path: &str, query: &[(&str, &str)], job: &Job) -> RequestBuilder {
        let mut url = self.base.join(path).unwrap_or_else(|_| self.base.clone());
        // An answer may name another host: it gets neither the key nor the token.
        if url.origin() != self.base.origin() {
            return self.reader.get(url);
        }
        let token = job.access_token.as_deref().filter(|_| self.key.is_none()).map(|token| ("access_token", token));
        let query: Vec<_> = query.iter().copied().chain(token).collect();
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.with_key(self.reader.get(url))
    }

    fn with_key(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.key {
            Some(key) => request.bearer_auth(key.expose_secret()),
            None => request,
        }
    }

    /// The job's status.
    pub async fn status(&self, job: &Job) -> anyhow::Result<Value> {
        let path = format!("/api/v1/status/{}", job.id);
        let response = self.get(&path, &[], job).timeout(SILENCE).send().await.context("the server does not answer")?;
        Ok(accepted(response).await?.json().await?)
    }
}

/// The response when it is a success, else what the server says about it, file by file.
pub async fn accepted(response: Response) -> anyhow::Result<Response> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let text: String = response.text().await.unwrap_or_default().chars().take(LONGEST_PROBLEM).collect();
    anyhow::bail!("{}", refusal(status, &serde_json::from_str(&text).unwrap_or_default()))
}

fn refusal(status: StatusCode, problem: &Value) -> String {
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut said = text(problem, "detail");
    if said.is_empty() {
        said = format!("the server answered {status}");
    }
    let errors = problem.pointer("/details/errors").and_then(Value::as_array);
    for error in errors.into_iter().flatten() {
        said.push_str(&format!("\n  {}: {}", text(error, "filename"), text(error, "message")));
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_every_file() {
        let problem = serde_json::json!({ "detail": "2 files were refused", "details": { "errors": [
            { "filename": "a.jpg", "code": "EMPTY", "message": "is empty" }, { "filename": "b.jpg", "message": "is no image" },
        ] } });
        let said = refusal(StatusCode::BAD_REQUEST, &problem);
        assert_eq!(said, "2 files were refused\n  a.jpg: is empty\n  b.jpg: is no image");
        assert_eq!(refusal(StatusCode::BAD_GATEWAY, &Value::Null), "the server answered 502 Bad Gateway");
    }
}
