//! Where spans are sent: by the SDK, which has a thread of its own for it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::resource::Resource as SdkResource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tokio::runtime::Handle;

use super::TRACER;
use crate::otlp::{Destination, OtlpError, Post, Resource, WITHIN};

/// How long the last spans may hold up a stop.
const STOP_WITHIN: Duration = Duration::from_secs(3);

/// Where spans go.
#[derive(Debug, Clone)]
pub struct Traces {
    /// There.
    pub to: Destination,
    /// Which traces are recorded.
    pub sampler: Sampler,
}

/// Spans on their way; to be stopped so that the last ones arrive.
#[derive(Debug)]
pub struct Exporting(SdkTracerProvider);

/// Begins to record spans. Needs a Tokio runtime.
///
/// # Errors
/// [`OtlpError`].
pub fn start(resource: &Resource, Traces { to, sampler }: Traces) -> Result<Exporting, OtlpError> {
    // It reads the same variables; what it is told goes first.
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(OnRuntime { post: Arc::new(Post::new("traces", to.headers)?), runtime: Handle::current() })
        .with_protocol(Protocol::HttpBinary)
        .with_timeout(WITHIN)
        .with_endpoint(to.endpoint.as_str())
        .build()
        .map_err(|error| OtlpError::Exporter(error.to_string()))?;
    let sdk = [("telemetry.sdk.language", "rust"), ("telemetry.sdk.name", "opentelemetry")];
    let attributes =
        resource.attributes().chain(sdk).map(|(name, value)| KeyValue::new(name.to_owned(), value.to_owned()));
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_sampler(sampler)
        .with_resource(SdkResource::builder_empty().with_attributes(attributes).build())
        .build();
    TRACER.set(provider.tracer("image2model")).map_err(|_| OtlpError::Twice)?;
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
    post: Arc<Post>,
    runtime: Handle,
}

impl fmt::Debug for OnRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnRuntime").finish_non_exhaustive()
    }
}

#[async_trait]
impl HttpClient for OnRuntime {
    async fn send_bytes(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, HttpError> {
        let post = self.post.clone();
        self.runtime.spawn(async move { post.send(request).await }).await?
    }
}
