//! Sends what is for a collector, with the TLS that the rest of the program has, and says once that it is not taken.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use reqwest::redirect::Policy;

use super::{Answer, OtlpError};
use crate::causes::causes;

/// How long one export may take.
pub const WITHIN: Duration = Duration::from_secs(10);
/// The most of a collector's answer that is read.
const MOST_ANSWER: usize = 64 * 1024;

/// The way to a collector.
#[derive(Debug)]
pub struct Post {
    client: reqwest::Client,
    /// What goes by it: `traces` or `metrics`.
    signal: &'static str,
    /// The last was not taken.
    failing: AtomicBool,
}

impl Post {
    /// One for that signal. The headers go with all that is sent, where it has no others of these names.
    ///
    /// # Errors
    /// [`OtlpError::Client`].
    pub fn new(signal: &'static str, headers: HeaderMap) -> Result<Self, OtlpError> {
        let client = crate::outgoing::client().default_headers(headers).timeout(WITHIN).redirect(Policy::none());
        let client = client.build()?;
        Ok(Self { client, signal, failing: AtomicBool::new(false) })
    }

    /// Sends it.
    ///
    /// # Errors
    /// When the collector cannot be reached, or answers too much. Its refusals are answers.
    pub async fn send(&self, request: http::Request<Bytes>) -> Answer {
        let outcome = async {
            let request = reqwest::Request::try_from(request)?;
            answered(self.client.execute(request).await?).await
        };
        // The address may hold a key in its query.
        let outcome = outcome.await.map_err(|error| match error.downcast::<reqwest::Error>() {
            Ok(error) => causes(&error.without_url()).into(),
            Err(error) => error,
        });
        self.note(&outcome);
        outcome
    }

    fn note(&self, outcome: &Answer) {
        let why = match outcome {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(answer.status().to_string()),
            Err(error) => Some(error.to_string()),
        };
        let signal = self.signal;
        let before = self.failing.swap(why.is_some(), Ordering::Relaxed);
        match why {
            Some(why) if !before => tracing::warn!(signal, why, "the collector does not take what it is sent"),
            None if before => tracing::info!(signal, "the collector takes what it is sent again"),
            _ => {}
        }
    }
}

async fn answered(mut response: reqwest::Response) -> Answer {
    let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > MOST_ANSWER {
            return Err("the collector's answer is too long".into());
        }
        body.extend_from_slice(&chunk);
    }
    let mut answer = http::Response::new(Bytes::from(body));
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    Ok(answer)
}
