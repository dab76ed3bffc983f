//! Reads what the process has counted every so often, and sends it; once more when the process stops.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::metrics::v1::{ResourceMetrics, ScopeMetrics};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use secrecy::ExposeSecret;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Collector, OtlpError, Post, Readings, text};

/// How long the last values may hold up a stop.
const STOP_WITHIN: Duration = Duration::from_secs(3);

/// Where metrics go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metrics {
    /// The whole address.
    pub endpoint: String,
    /// How often.
    pub every: Duration,
}

/// Metrics on their way; to be stopped so that the last ones arrive.
#[derive(Debug)]
pub struct Exporting {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Exporting {
    /// Sends what was counted to the end, for a few seconds at most.
    pub async fn stop(self) {
        self.stop.cancel();
        let abort = self.task.abort_handle();
        if tokio::time::timeout(STOP_WITHIN, self.task).await.is_err() {
            abort.abort();
            tracing::warn!("the last metrics were not sent");
        }
    }
}

/// Begins to send what `read` adds each time. Needs a Tokio runtime.
///
/// # Errors
/// [`OtlpError`].
pub fn export(
    collector: &Collector,
    to: Metrics,
    read: impl Fn(&mut Readings) + Send + 'static,
) -> Result<Exporting, OtlpError> {
    let sender = Sender { post: Post::new("metrics")?, collector: collector.clone(), endpoint: to.endpoint };
    sender.request(Bytes::new()).map_err(|error| OtlpError::Exporter(error.to_string()))?;
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    let task = tokio::spawn(async move {
        let began = SystemTime::now();
        let mut last = false;
        while !last {
            last = stopping.run_until_cancelled(tokio::time::sleep(to.every)).await.is_none();
            let mut readings = Readings::new(began, SystemTime::now());
            read(&mut readings);
            sender.send(readings).await;
        }
    });
    Ok(Exporting { stop, task })
}

struct Sender {
    post: Post,
    collector: Collector,
    endpoint: String,
}

impl Sender {
    async fn send(&self, readings: Readings) {
        let scope = InstrumentationScope {
            name: "image2model".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..InstrumentationScope::default()
        };
        let metrics = ScopeMetrics { scope: Some(scope), metrics: readings.metrics, schema_url: String::new() };
        let attributes = self.collector.resource().into_iter().map(|(name, value)| text(name, value)).collect();
        let resource = Resource { attributes, ..Resource::default() };
        let all = ResourceMetrics { resource: Some(resource), scope_metrics: vec![metrics], schema_url: String::new() };
        let body = ExportMetricsServiceRequest { resource_metrics: vec![all] }.encode_to_vec();
        let Ok(request) = self.request(body.into()) else { return };
        // What goes wrong has been said where it was sent.
        let Ok(answer) = self.post.send(request).await else { return };
        let answer = ExportMetricsServiceResponse::decode(answer.into_body()).unwrap_or_default();
        if let Some(partly) = answer.partial_success.filter(|partly| partly.rejected_data_points > 0) {
            let (rejected, why) = (partly.rejected_data_points, partly.error_message);
            tracing::warn!(rejected, why, "the collector does not take some metrics");
        }
    }

    fn request(&self, body: Bytes) -> http::Result<http::Request<Bytes>> {
        let request = http::Request::post(&self.endpoint).header("content-type", "application/x-protobuf");
        let headers = self.collector.headers.iter();
        headers.fold(request, |request, (name, value)| request.header(name, value.expose_secret())).body(body)
    }
}
