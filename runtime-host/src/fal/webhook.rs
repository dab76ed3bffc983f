//! FAL's own webhooks: whether one is really FAL's. Signed with ED25519; the keys are FAL's published set, kept
//! for a day at most and fetched anew when none of them fits, but not more often than strangers' nonsense may make us.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, VerifyingKey};
use reqwest::header::HeaderMap;
use reqwest::{Client, redirect};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::error::FalError;
use crate::outgoing;

/// How far the time of a signature may be from ours.
const TOLERANCE_SECONDS: u64 = 300;
/// How long a key set is believed.
const KEEP_KEYS: Duration = Duration::from_secs(24 * 60 * 60);
/// Between two fetches because no key fitted.
const FETCH_ON_MISS_EVERY: Duration = Duration::from_secs(30);
/// For fetching the key set.
const FETCH_WITHIN: Duration = Duration::from_secs(5);
/// Most bytes of a key set.
const MOST_BYTES: u64 = 64 << 10;

/// Why a webhook is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// A header of the signature is missing or unreadable.
    #[error("the header {0} is missing or unreadable")]
    Header(&'static str),
    /// It was signed long ago, or will be.
    #[error("the signature's time is too far from now")]
    Time,
    /// None of FAL's keys made the signature.
    #[error("the signature is not FAL.AI's")]
    Signature,
    /// FAL's keys cannot be had at the moment.
    #[error("FAL.AI's keys cannot be fetched: {0}")]
    Keys(String),
}

impl WebhookError {
    /// Stable name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Header(_) => "SIGNATURE_MISSING",
            Self::Time => "SIGNATURE_EXPIRED",
            Self::Signature => "SIGNATURE_INVALID",
            Self::Keys(_) => "KEYS_UNAVAILABLE",
        }
    }

    /// The HTTP status for whoever called.
    #[must_use]
    pub fn status(&self) -> u16 {
        if self.is_retryable() { 503 } else { 401 }
    }

    /// Whether the same call may be believed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Keys(_))
    }

    /// Label for counting.
    #[must_use]
    pub fn metric_label(&self) -> &'static str {
        match self {
            Self::Header(_) => "header",
            Self::Time => "time",
            Self::Signature => "signature",
            Self::Keys(_) => "keys",
        }
    }
}

/// FAL's published keys.
#[derive(Debug)]
pub struct WebhookKeys {
    url: String,
    client: Client,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    keys: Vec<VerifyingKey>,
    fetched: Option<Instant>,
    missed: Option<Instant>,
}

impl WebhookKeys {
    /// Those of the storage API at `rest_url`; nothing is fetched before they are needed.
    ///
    /// # Errors
    /// [`FalError::Config`] when no client can be made.
    pub fn new(rest_url: &str) -> Result<Self, FalError> {
        let client = outgoing::client().timeout(FETCH_WITHIN).redirect(redirect::Policy::none()).build();
        let client = client.map_err(|error| FalError::Config(error.to_string()))?;
        let url = format!("{}/.well-known/jwks.json", rest_url.trim_end_matches('/'));
        Ok(Self { url, client, known: Mutex::default() })
    }

    /// Whether FAL made this signature, of this body.
    ///
    /// # Errors
    /// [`WebhookError`].
    pub async fn verify(&self, claim: Claim, body: &[u8]) -> Result<(), WebhookError> {
        let signed = claim.of(body);
        let mut known = self.known.lock().await;
        if known.fetched.is_none_or(|at| at.elapsed() >= KEEP_KEYS) {
            known.keys = self.fetch().await?;
            known.fetched = Some(Instant::now());
        }
        if signed.is_by(&known.keys) {
            return Ok(());
        }
        if known.missed.is_some_and(|at| at.elapsed() < FETCH_ON_MISS_EVERY) {
            return Err(WebhookError::Signature);
        }
        known.missed = Some(Instant::now());
        known.keys = self.fetch().await?;
        known.fetched = Some(Instant::now());
        if signed.is_by(&known.keys) { Ok(()) } else { Err(WebhookError::Signature) }
    }

    async fn fetch(&self) -> Result<Vec<VerifyingKey>, WebhookError> {
        let trouble = |error: reqwest::Error| WebhookError::Keys(error.without_url().to_string());
        let answer = self.client.get(&self.url).send().await.and_then(reqwest::Response::error_for_status);
        let answer = answer.map_err(trouble)?;
        if answer.content_length().is_some_and(|length| length > MOST_BYTES) {
            return Err(WebhookError::Keys("the key set is too large".to_owned()));
        }
        let set: Value = answer.json().await.map_err(trouble)?;
        Ok(read_set(&set))
    }
}

/// The keys of a set that can be read.
fn read_set(set: &Value) -> Vec<VerifyingKey> {
    let keys = set.get("keys").and_then(Value::as_array).into_iter().flatten();
    keys.filter_map(|key| {
        // With padding or without.
        let x = key.get("x").and_then(Value::as_str)?.trim_end_matches('=');
        let bytes: [u8; 32] = URL_SAFE_NO_PAD.decode(x).ok()?.try_into().ok()?;
        VerifyingKey::from_bytes(&bytes).ok()
    })
    .collect()
}

/// What the head of a webhook claims, before its body is there.
#[derive(Debug)]
pub struct Claim {
    /// All of what is signed but the body.
    head: String,
    signature: Signature,
}

impl Claim {
    /// A claim that may be FAL's, made just now.
    ///
    /// # Errors
    /// [`WebhookError::Header`], [`WebhookError::Time`].
    pub fn read(headers: &HeaderMap) -> Result<Self, WebhookError> {
        Self::read_at(headers, SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs())
    }

    fn read_at(headers: &HeaderMap, now: u64) -> Result<Self, WebhookError> {
        let header = |name: &'static str| {
            let value = headers.get(name).and_then(|value| value.to_str().ok()).filter(|value| !value.is_empty());
            value.ok_or(WebhookError::Header(name))
        };
        let request = header("x-fal-webhook-request-id")?;
        let user = header("x-fal-webhook-user-id")?;
        let (time_header, signature_header) = ("x-fal-webhook-timestamp", "x-fal-webhook-signature");
        let time = header(time_header)?;
        let at: u64 = time.parse().map_err(|_| WebhookError::Header(time_header))?;
        let bytes = hex::decode(header(signature_header)?).map_err(|_| WebhookError::Header(signature_header))?;
        let signature = Signature::from_slice(&bytes).map_err(|_| WebhookError::Header(signature_header))?;
        if now.abs_diff(at) > TOLERANCE_SECONDS {
            return Err(WebhookError::Time);
        }
        Ok(Self { head: format!("{request}\n{user}\n{time}"), signature })
    }

    fn of(self, body: &[u8]) -> Signed {
        let message = format!("{}\n{}", self.head, hex::encode(Sha256::digest(body)));
        Signed { message, signature: self.signature }
    }
}

/// What a signature says, and the signature.
struct Signed {
    message: String,
    signature: Signature,
}

impl Signed {
    fn is_by(&self, keys: &[VerifyingKey]) -> bool {
        keys.iter().any(|key| key.verify_strict(self.message.as_bytes(), &self.signature).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;
    use serde_json::json;

    const X: &str = "6kpsY-KcUgq-9VB7Ey7F-ZVHdq6-vnuSQh7qaRRG0iw";
    const AT: u64 = 1_790_000_000;
    const BODY: &str = r#"{"request_id":"123e4567-e89b-12d3-a456-426614174000","gateway_request_id":"123e4567-e89b-12d3-a456-426614174000","status":"OK","payload":{"task_id":"t"}}"#;

    /// A vector made with another implementation.
    fn headers() -> HeaderMap {
        let signature = "06fb2a8e14250a7a722f9dc65eef376e0ac5760856432535b269a8473634fbe9\
                         f06b2d37e8835e69326fc2a4474b3589fbdcc0e40e5c5879ac47d14115f8580d";
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("x-fal-webhook-request-id", "123e4567-e89b-12d3-a456-426614174000"),
            ("x-fal-webhook-user-id", "user_sim"),
            ("x-fal-webhook-timestamp", "1790000000"),
            ("x-fal-webhook-signature", signature),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn the_known_vector_is_believed_with_and_without_padding() {
        let signed = |body: &str| Claim::read_at(&headers(), AT).unwrap().of(body.as_bytes());
        for x in [X.to_owned(), format!("{X}=")] {
            assert!(signed(BODY).is_by(&read_set(&json!({ "keys": [{ "x": "not a key" }, { "x": x }] }))));
        }
        assert!(!signed(BODY).is_by(&[]));
        assert!(!signed(&BODY.replace("OK", "ERROR")).is_by(&read_set(&json!({ "keys": [{ "x": X }] }))));
    }

    #[test]
    fn what_is_old_early_or_incomplete_is_not() {
        for now in [AT - 301, AT + 301] {
            assert_eq!(Claim::read_at(&headers(), now).err(), Some(WebhookError::Time));
        }
        for now in [AT - 300, AT + 300] {
            assert!(Claim::read_at(&headers(), now).is_ok());
        }
        for name in ["request-id", "user-id", "timestamp", "signature"] {
            let mut fewer = headers();
            fewer.remove(format!("x-fal-webhook-{name}"));
            let error = Claim::read_at(&fewer, AT).err().unwrap();
            assert_eq!((error.code(), error.status()), ("SIGNATURE_MISSING", 401), "{name}");
        }
        let mut short = headers();
        short.insert("x-fal-webhook-signature", HeaderValue::from_static("06fb"));
        assert!(Claim::read_at(&short, AT).is_err());
    }
}
