//! Where spans are sent: OTLP as protobuf over HTTP, with the TLS that the rest of the program has.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use secrecy::{ExposeSecret, SecretString};
use tokio::runtime::Handle;

use super::TRACER;

/// How long one export may take.
const EXPORT_WITHIN: Duration = Duration::from_secs(10);
/// How long the last spans may hold up a stop.
const STOP_WITHIN: Duration = Duration::from_secs(3);
/// The most of a collector's answer that is read.
const MOST_ANSWER: usize = 64 * 1024;

/// A collector, and what spans say of this process.
#[derive(Debug, Clone)]
pub struct Collector {
    /// Its base address; traces go to `/v1/traces` below it.
    pub endpoint: String,
    /// Headers that it wants, perhaps a key.
    pub headers: Vec<(String, SecretString)>,
    /// `service.name`.
    pub service: String,
    /// `service.instance.id`.
    pub instance: String,
    /// What else is said of the process.
    pub attributes: Vec<(String, String)>,
    /// Which traces are recorded.
    pub sampler: Sampler,
}

/// Why there are no spans.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TraceError {
    /// The client cannot be made.
    #[error("no client for the collector of traces: {0}")]
    Client(#[from] reqwest::Error),
    /// The exporter does not take its settings.
    #[error("the collector of traces cannot be used: {0}")]
    Exporter(String),
    /// A process has one.
    #[error("spans are sent somewhere already")]
    Twice,
}

/// Spans on their way; to be stopped so that the last ones arrive.
#[derive(Debug)]
pub struct Exporting(SdkTracerProvider);

/// Begins to record spans. Needs a Tokio runtime.
///
/// # Errors
/// [`TraceError`].
pub fn start(collector: Collector) -> Result<Exporting, TraceError> {
    let client = crate::outgoing::client().timeout(EXPORT_WITHIN).build()?;
    let headers: HashMap<String, String> =
        collector.headers.iter().map(|(name, value)| (name.clone(), value.expose_secret().to_owned())).collect();
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(OnRuntime { client, runtime: Handle::current(), failing: AtomicBool::new(false) })
        .with_protocol(Protocol::HttpBinary)
        .with_timeout(EXPORT_WITHIN)
        .with_endpoint(format!("{}/v1/traces", collector.endpoint))
        .with_headers(headers)
        .build()
        .map_err(|error| TraceError::Exporter(error.to_string()))?;
    let attributes = collector.attributes.into_iter().map(|(name, value)| KeyValue::new(name, value));
    let resource = Resource::builder_empty()
        .with_attributes(attributes)
        .with_attributes([
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", collector.instance),
            KeyValue::new("telemetry.sdk.language", "rust"),
            KeyValue::new("telemetry.sdk.name", "opentelemetry"),
        ])
        .with_service_name(collector.service)
        .build();
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_sampler(collector.sampler)
        .with_resource(resource)
        .build();
    TRACER.set(provider.tracer("image2model")).map_err(|_| TraceError::Twice)?;
    Ok(Exporting(provider))
}

impl Exporting {
    /// Sends what is left, for a few seconds at most.
    pub async fn stop(self) {
        // Waits for the thread that sends, which in turn waits for this runtime.
        let stopped = tokio::task::spawn_blocking(move || self.0.shutdown_with_timeout(STOP_WITHIN)).await;
        if let Ok(Err(error)) = stopped {
            tracing::warn!(%error, "the last spans were not sent");
        }
    }
}

/// Sends from the SDK's own thread, which has no runtime, on ours.
struct OnRuntime {
    client: reqwest::Client,
    runtime: Handle,
    /// The last spans were not taken.
    failing: AtomicBool,
}

impl OnRuntime {
    /// Says once that spans are not taken, and once that they are again.
    fn note(&self, outcome: &Result<http::Response<Bytes>, HttpError>) {
        let why = match outcome {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(answer.status().to_string()),
            Err(error) => Some(error.to_string()),
        };
        let before = self.failing.swap(why.is_some(), Ordering::Relaxed);
        match why {
            Some(why) if !before => {
                tracing::warn!(why, "the collector of traces does not take spans; they are dropped")
            }
            None if before => tracing::info!("the collector of traces takes spans again"),
            _ => {}
        }
    }
}

impl fmt::Debug for OnRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnRuntime").finish_non_exhaustive()
    }
}

#[async_trait]
impl HttpClient for OnRuntime {
    async fn send_bytes(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, HttpError> {
        let request = reqwest::Request::try_from(request)?;
        let client = self.client.clone();
        let outcome = self.runtime.spawn(async move { answered(client.execute(request).await?).await }).await?;
        self.note(&outcome);
        outcome
    }
}

async fn answered(mut response: reqwest::Response) -> Result<http::Response<Bytes>, HttpError> {
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
