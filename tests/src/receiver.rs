//! A receiver of webhooks on this machine: answers as it is told, keeps what it was sent, and checks signatures by the
//! specification (Standard Webhooks), not by the product's own code.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use parking_lot::Mutex;
use sha2::Sha256;

/// One call.
#[derive(Debug, Clone)]
pub struct Received {
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, byte for byte.
    pub body: String,
}

/// A running receiver; it ends with its runtime.
#[derive(Clone)]
pub struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    answers: Vec<u16>,
    calls: Mutex<Vec<Received>>,
}

impl Receiver {
    /// Answers with these in turn, then with 204.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(answers: &[u16]) -> anyhow::Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared { answers: answers.to_vec(), calls: Mutex::default() });
        let router = Router::new().fallback(receive).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, shared })
    }

    /// What to give as `webhook_url`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/hooks/models?for=tests", self.address)
    }

    /// Every call so far.
    #[must_use]
    pub fn calls(&self) -> Vec<Received> {
        self.shared.calls.lock().clone()
    }

    /// Waits until there were so many calls.
    ///
    /// # Errors
    /// When there were not within two minutes.
    pub async fn wait_for(&self, calls: usize) -> anyhow::Result<Vec<Received>> {
        let deadline = Instant::now() + Duration::from_secs(120);
        loop {
            let seen = self.calls();
            if seen.len() >= calls {
                return Ok(seen);
            }
            if Instant::now() > deadline {
                bail!("{} calls came, {calls} were awaited", seen.len());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

async fn receive(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: String) -> StatusCode {
    let mut calls = shared.calls.lock();
    let answer = shared.answers.get(calls.len()).and_then(|code| StatusCode::from_u16(*code).ok());
    calls.push(Received { headers, body });
    answer.unwrap_or(StatusCode::NO_CONTENT)
}

impl Received {
    /// A header's text; empty when it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Whether it was signed with this secret.
    ///
    /// # Errors
    /// When the secret is in another form than the specification's.
    pub fn is_signed_with(&self, secret: &str) -> anyhow::Result<bool> {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").context("the secret's prefix is missing")?)?;
        let mut mac = Hmac::<Sha256>::new_from_slice(&key)?;
        let (id, timestamp) = (self.header("webhook-id"), self.header("webhook-timestamp"));
        mac.update(format!("{id}.{timestamp}.{}", self.body).as_bytes());
        let expected = STANDARD.encode(mac.finalize().into_bytes());
        Ok(self.header("webhook-signature").split(' ').any(|one| one.strip_prefix("v1,") == Some(expected.as_str())))
    }
}
