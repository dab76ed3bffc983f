//! An HTTP client of the product, as a user of its contract would write it.

use std::sync::Once;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use futures::StreamExt;
use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;

/// A client that follows no redirect and waits at most two minutes.
///
/// # Errors
/// When none can be made.
pub fn http() -> anyhow::Result<reqwest::Client> {
    static TLS: Once = Once::new();
    TLS.call_once(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    Ok(reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(120))
        .no_proxy()
        .build()?)
}

/// One file of an upload: name, declared type, bytes.
#[derive(Clone)]
pub struct Upload {
    /// File name as sent.
    pub name: String,
    /// Declared media type.
    pub content_type: String,
    /// The bytes.
    pub bytes: bytes::Bytes,
}

impl Upload {
    /// A file whose declared type follows from its extension.
    #[must_use]
    pub fn new(name: &str, bytes: impl Into<bytes::Bytes>) -> Self {
        let content_type = if name.ends_with(".png") { "image/png" } else { "image/jpeg" };
        Self { name: name.to_owned(), content_type: content_type.to_owned(), bytes: bytes.into() }
    }

    /// As a part of a form.
    ///
    /// # Errors
    /// When the declared type is no media type.
    pub fn part(&self) -> anyhow::Result<Part> {
        Ok(Part::stream(self.bytes.clone()).file_name(self.name.clone()).mime_str(&self.content_type)?)
    }
}

/// Exchanges the caller's key for a browser's session; answers the cookie as a browser sends it.
///
/// # Errors
/// When there is no session.
pub async fn session_of(client: &Client) -> anyhow::Result<String> {
    let answer = client.request(Method::POST, "/api/v1/session").send().await?;
    let cookie = answer.headers().get("set-cookie").and_then(|cookie| cookie.to_str().ok()?.split(';').next());
    cookie.map(str::to_owned).context("no session was opened")
}

/// The product, seen by one caller.
#[derive(Clone)]
pub struct Client {
    url: String,
    key: Option<String>,
    http: reqwest::Client,
}

impl Client {
    /// A caller with or without a key.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn new(url: &str, key: Option<&str>) -> anyhow::Result<Self> {
        Ok(Self { url: url.to_owned(), key: key.map(str::to_owned), http: http()? })
    }

    /// A request of this caller.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    /// GET.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn get(&self, path: &str) -> anyhow::Result<Response> {
        Ok(self.request(Method::GET, path).send().await?)
    }

    /// GET of a JSON document that must be there.
    ///
    /// # Errors
    /// When the answer is not a success or not JSON.
    pub async fn json(&self, path: &str) -> anyhow::Result<Value> {
        let response = self.get(path).await?;
        let status = response.status();
        let body = response.text().await?;
        anyhow::ensure!(status.is_success(), "GET {path} answered {status}: {body}");
        serde_json::from_str(&body).with_context(|| format!("GET {path} answered no JSON: {body}"))
    }

    /// Uploads files with form fields; whatever the answer is.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn post_upload(&self, files: &[Upload], fields: &[(&str, &str)]) -> anyhow::Result<Response> {
        let mut form = Form::new();
        for (name, value) in fields {
            form = form.text((*name).to_owned(), (*value).to_owned());
        }
        for file in files {
            form = form.part("files", file.part()?);
        }
        Ok(self.request(Method::POST, "/api/v1/upload/").multipart(form).send().await?)
    }

    /// Uploads files that must be taken; answers with the upload's JSON.
    ///
    /// # Errors
    /// When they are refused.
    pub async fn upload(&self, files: &[Upload], fields: &[(&str, &str)]) -> anyhow::Result<Value> {
        let response = self.post_upload(files, fields).await?;
        let status = response.status();
        let body = response.text().await?;
        anyhow::ensure!(status == 200, "the upload answered {status}: {body}");
        Ok(serde_json::from_str(&body)?)
    }

    /// Waits until the job has ended and answers with its status.
    ///
    /// # Errors
    /// When it has not ended after three minutes.
    pub async fn ended(&self, job: &str) -> anyhow::Result<Value> {
        let deadline = Instant::now() + Duration::from_secs(180);
        loop {
            // A service that is being restarted under the caller's feet is asked again.
            if let Ok(status) = self.json(&format!("/api/v1/status/{job}")).await {
                if matches!(text(&status, "status"), "completed" | "partially_completed" | "failed" | "cancelled") {
                    return Ok(status);
                }
                if Instant::now() > deadline {
                    bail!("the job has not ended: {status}");
                }
            } else if Instant::now() > deadline {
                bail!("the service does not answer");
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// GET of a JSON document, again and again, until it is as wanted; answers with it.
    ///
    /// # Errors
    /// When it is not after a minute: everything that is waited for comes by itself within seconds.
    pub async fn until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let answer: Value = self.get(path).await?.json().await.unwrap_or_default();
            if wanted(&answer) {
                return Ok(answer);
            }
            anyhow::ensure!(Instant::now() < deadline, "{path} stays {answer:#}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Reads an event stream to its end; answers with `(id, event name, data)` of each event.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn events(
        &self,
        path: &str,
        last_event_id: Option<&str>,
    ) -> anyhow::Result<Vec<(String, String, Value)>> {
        let mut request = self.request(Method::GET, path).header("accept", "text/event-stream");
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let response = request.send().await?;
        let kind = response.headers().get("content-type").and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
        anyhow::ensure!(
            response.status() == 200 && kind.starts_with("text/event-stream"),
            "{} {kind}",
            response.status()
        );
        let mut body = Vec::new();
        let mut stream = response.bytes_stream();
        while let Some(chunk) = stream.next().await {
            body.extend_from_slice(&chunk?);
        }
        String::from_utf8(body)?.split("\n\n").filter_map(parse_event).collect()
    }
}

fn parse_event(block: &str) -> Option<anyhow::Result<(String, String, Value)>> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(|v| v.trim_start().to_owned());
    let data = field("data:")?;
    let parsed = serde_json::from_str(&data).with_context(|| format!("an event's data is no JSON: {data}"));
    Some(parsed.map(|data| (field("id:").unwrap_or_default(), field("event:").unwrap_or_default(), data)))
}

/// A text field of a JSON object; empty when it is not there.
#[must_use]
pub fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}
