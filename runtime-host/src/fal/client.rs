//! One client for all of FAL's hosts: two connection pools, one that carries the key to the configured bases and never
//! follows a redirect, one without any credentials for files.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use parking_lot::Mutex;
use reqwest::{Client, Method, RequestBuilder, Response, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::time::Instant;
use url::Url;

use super::class::Stage;
use super::config::FalConfig;
use super::error::FalError;
use super::hosts::AllowedHosts;
use super::refusal::Refusal;
use crate::causes::causes;
use crate::{crash, outgoing};

/// Most bytes read of a JSON answer.
const MOST_JSON: usize = 8 << 20;
/// Most redirects followed for a file.
const MOST_REDIRECTS: usize = 5;

/// Talks to FAL.AI. Cheap to clone.
#[derive(Debug, Clone)]
pub struct FalClient {
    pub(super) config: Arc<FalConfig>,
    pub(super) hosts: AllowedHosts,
    api: Client,
    pub(super) files: Client,
    /// When the queue's usual host last gave no connection.
    pub(super) queue_down: Arc<Mutex<Option<Instant>>>,
}

/// An answer read to its end.
pub(super) struct Answer {
    pub head: Head,
    pub json: Value,
}

/// What the head of a success says; it stands even when the body breaks off.
pub(super) struct Head {
    pub status: u16,
    pub request_id: Option<String>,
    pub billable_units: Option<String>,
}

impl FalClient {
    /// A client for these settings. Expects that the process has installed its TLS provider.
    ///
    /// # Errors
    /// [`FalError::Config`] when a base is no URL or no client can be made.
    pub fn new(config: FalConfig) -> Result<Self, FalError> {
        let bases = [&config.queue_url, &config.rest_url, &config.api_url];
        let bases = bases.iter().map(|base| base_url(base)).collect::<Result<Vec<_>, _>>()?;
        config.backup_queue_url.as_deref().map(base_url).transpose()?;
        let hosts = AllowedHosts::new(&bases, &config.file_hosts);
        let builder = || {
            outgoing::client()
                .connect_timeout(config.connect_timeout)
                .user_agent(concat!("image2model/", env!("CARGO_PKG_VERSION")))
        };
        let made = |result: reqwest::Result<Client>| result.map_err(|e| FalError::Config(e.to_string()));
        let api = made(builder().redirect(redirect::Policy::none()).build())?;
        let files = made(builder().redirect(within(hosts.clone())).read_timeout(config.idle_timeout).build())?;
        Ok(Self { config: config.into(), hosts, api, files, queue_down: Arc::default() })
    }

    /// A call with the key. `url` is always built here, from a configured base.
    pub(super) fn call(&self, method: Method, url: &str) -> RequestBuilder {
        self.call_as(&self.config.key, method, url)
    }

    /// The same with another key of the account.
    pub(super) fn call_as(&self, key: &SecretString, method: Method, url: &str) -> RequestBuilder {
        let key = key.expose_secret().trim();
        self.api
            .request(method, url)
            .timeout(self.config.call_timeout)
            .header("authorization", sensitive(&format!("Key {key}")))
            .header("accept", "application/json")
    }

    /// Sends a call and reads its JSON; every answer that is no success is an error.
    pub(super) async fn send(&self, stage: Stage, call: RequestBuilder) -> Result<Answer, FalError> {
        let (head, json) = self.exchange(stage, call).await?;
        Ok(Answer { head, json: json? })
    }

    /// The same, telling apart what became of the head and of the body.
    pub(super) async fn exchange(
        &self,
        stage: Stage,
        call: RequestBuilder,
    ) -> Result<(Head, Result<Value, FalError>), FalError> {
        let response = crash::around(stage.name(), call.send()).await.map_err(|e| transport(stage, e))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = read(stage, response).await;
        if !status.is_success() {
            let refusal = Box::new(Refusal::read(status, &headers, &body?));
            return Err(FalError::Refused { stage, refusal });
        }
        let header = |name| headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let (request_id, billable_units) = (header("x-fal-request-id"), header("x-fal-billable-units"));
        let json = body.and_then(|body| {
            serde_json::from_slice(&body)
                .map_err(|_| FalError::Unreadable { stage, what: format!("{} bytes that are no JSON", body.len()) })
        });
        Ok((Head { status: status.as_u16(), request_id, billable_units }, json))
    }
}

/// A header value that is never printed. A key that cannot be in a header is sent as nothing, and refused as such.
fn sensitive(value: &str) -> reqwest::header::HeaderValue {
    let mut value =
        reqwest::header::HeaderValue::from_str(value).unwrap_or_else(|_| reqwest::header::HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

/// What a failure of the transport means: only a failed connect is sure to have sent nothing.
pub(super) fn transport(stage: Stage, error: reqwest::Error) -> FalError {
    let connect = error.is_connect() || error.is_builder();
    let reason = causes(&error.without_url());
    if connect { FalError::Unreachable { stage, reason } } else { FalError::NoAnswer { stage, reason } }
}

async fn read(stage: Stage, response: Response) -> Result<Bytes, FalError> {
    let mut body = BytesMut::new();
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        body.extend_from_slice(&chunk.map_err(|e| transport(stage, e))?);
        if body.len() > MOST_JSON {
            return Err(FalError::Unreadable { stage, what: format!("more than {MOST_JSON} bytes") });
        }
    }
    Ok(body.freeze())
}

fn base_url(text: &str) -> Result<Url, FalError> {
    let url = Url::parse(text).map_err(|e| FalError::Config(format!("{text:?} is no URL: {e}")))?;
    match url.scheme() {
        "https" | "http" => Ok(url),
        other => Err(FalError::Config(format!("{text:?}: scheme {other} is not supported"))),
    }
}

/// Follows redirects between allowed hosts only.
fn within(hosts: AllowedHosts) -> redirect::Policy {
    redirect::Policy::custom(move |attempt| {
        if attempt.previous().len() > MOST_REDIRECTS {
            attempt.error("too many redirects")
        } else if hosts.allows(attempt.url()) {
            attempt.follow()
        } else {
            attempt.stop()
        }
    })
}
