//! One call of one webhook: the URL is judged anew, the body signed, the answer's status read and nothing else of it.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use image2model_domain::webhook::{AllowedHosts, WebhookUrl, sign};
use reqwest::{Client, Response, StatusCode, header, redirect};

use super::resolver::PublicOnly;
use crate::outgoing::{self, NotPublic};

/// How long a receiver may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// Why a call did not reach its receiver.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The URL, or every address of its host, may not be called.
    #[error("the URL may not be called: {0}")]
    NotAllowed(String),
    /// No connection, no TLS, no such name.
    #[error("the receiver cannot be reached: {0}")]
    Unreachable(String),
    /// No answer in time.
    #[error("the receiver did not answer in time")]
    TimedOut,
    /// An answer other than 2xx.
    #[error("the receiver answered {status}")]
    Refused {
        /// What it answered.
        status: u16,
        /// When it wants to be called again.
        retry_after: Option<Duration>,
    },
    /// The client cannot be made.
    #[error("invalid settings: {0}")]
    Config(String),
}

impl CallError {
    /// Stable code for the job's owner.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAllowed(_) => "NOT_ALLOWED",
            Self::Unreachable(_) => "UNREACHABLE",
            Self::TimedOut => "TIMED_OUT",
            Self::Refused { status: 300..=399, .. } => "REDIRECTED",
            Self::Refused { .. } => "REFUSED",
            Self::Config(_) => "NOT_CONFIGURED",
        }
    }

    /// Whether another attempt may do better. 410 says that nobody wants to hear of it any more.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        !matches!(self, Self::Refused { status: 410, .. })
    }

    /// Label for counting.
    #[must_use]
    pub fn metric_label(&self) -> &'static str {
        match self {
            Self::NotAllowed(_) => "not_allowed",
            Self::Unreachable(_) => "unreachable",
            Self::TimedOut => "timed_out",
            Self::Refused { .. } => "refused",
            Self::Config(_) => "config",
        }
    }

    /// The receiver's answer, when there was one.
    #[must_use]
    pub fn response_status(&self) -> Option<u16> {
        if let Self::Refused { status, .. } = self { Some(*status) } else { None }
    }

    /// When the receiver wants to be called again.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        if let Self::Refused { retry_after, .. } = self { *retry_after } else { None }
    }
}

/// Makes calls. Redirects are not followed, proxies not used, connections not kept.
pub(super) struct Caller {
    allowed: AllowedHosts,
    public: Client,
    trusted: Client,
}

impl Caller {
    /// Expects that the process has installed its TLS provider.
    pub fn new(allowed: AllowedHosts) -> Result<Self, CallError> {
        let builder = || {
            outgoing::client()
                .redirect(redirect::Policy::none())
                .no_proxy()
                .pool_max_idle_per_host(0)
                .connect_timeout(CONNECT_WITHIN)
                .timeout(ANSWER_WITHIN)
                .user_agent(concat!("image2model-webhooks/", env!("CARGO_PKG_VERSION")))
        };
        let made = |client: reqwest::Result<Client>| client.map_err(|e| CallError::Config(e.to_string()));
        let public = made(builder().dns_resolver(Arc::new(PublicOnly)).build())?;
        Ok(Self { allowed, public, trusted: made(builder().build())? })
    }

    /// Sends a delivery; answers the status of success.
    pub async fn call(&self, url: &str, id: &str, secret: &str, body: String) -> Result<u16, CallError> {
        let url = WebhookUrl::parse(url, &self.allowed).map_err(|e| CallError::NotAllowed(e.to_string()))?;
        let client = if url.is_trusted() { &self.trusted } else { &self.public };
        let timestamp = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let request = client
            .post(url.as_str())
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", sign(secret, id, timestamp, body.as_bytes()))
            .body(body);
        let response = request.send().await.map_err(|error| failed(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(status.as_u16());
        }
        Err(CallError::Refused { status: status.as_u16(), retry_after: retry_after(&response) })
    }
}

fn retry_after(response: &Response) -> Option<Duration> {
    let asked = matches!(response.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    let value = response.headers().get(header::RETRY_AFTER).filter(|_| asked)?;
    outgoing::retry_after(value.to_str().ok()?, SystemTime::now())
}

fn failed(error: &reqwest::Error) -> CallError {
    if error.is_timeout() {
        return CallError::TimedOut;
    }
    let mut source = error.source();
    while let Some(inner) = source {
        if NotPublic::is(inner) {
            return CallError::NotAllowed(inner.to_string());
        }
        if inner.source().is_none() {
            return CallError::Unreachable(inner.to_string());
        }
        source = inner.source();
    }
    CallError::Unreachable("no connection".to_owned())
}
