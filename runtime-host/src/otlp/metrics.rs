//! Reads what the process has counted every so often, and sends it; once more when the process stops.

use std::time::{Duration, SystemTime};

use http::header::CONTENT_TYPE;
use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::metrics::v1::{ResourceMetrics, ScopeMetrics};
use opentelemetry_proto::tonic::resource;
use prost::Message;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{Destination, OtlpError, Post, Readings, Resource, text};

/// How long the last values may hold up a stop.
const STOP_WITHIN: Duration = Duration::from_secs(3);

/// Where metrics go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metrics {
    /// There.
    pub to: Destination,
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

/// Begins to send what `read` adds each time, which was counted since `began`. Needs a Tokio runtime.
///
/// # Errors
/// [`OtlpError`].
pub fn export(
    resource: &Resource,
    Metrics { to, every }: Metrics,
    began: SystemTime,
    read: impl Fn(&mut Readings) + Send + 'static,
) -> Result<Exporting, OtlpError> {
    let mut sender = Sender {
        post: Post::new("metrics", to.headers)?,
        resource: resource.clone(),
        endpoint: to.endpoint,
        partly: false,
    };
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    let task = tokio::spawn(async move {
        let mut last = false;
        while !last {
            last = stopping.run_until_cancelled(tokio::time::sleep(every)).await.is_none();
            let mut readings = Readings::new(began, SystemTime::now());
            read(&mut readings);
            sender.send(readings).await;
        }
    });
    Ok(Exporting { stop, task })
}

struct Sender {
    post: Post,
    resource: Resource,
    endpoint: Url,
    /// The collector had something to say of what it took last.
    partly: bool,
}

impl Sender {
    async fn send(&mut self, readings: Readings) {
        let scope = InstrumentationScope {
            name: "image2model".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..InstrumentationScope::default()
        };
        let metrics = ScopeMetrics { scope: Some(scope), metrics: readings.metrics, schema_url: String::new() };
        let attributes = self.resource.attributes().map(|(name, value)| text(name, value)).collect();
        let resource = resource::v1::Resource { attributes, ..resource::v1::Resource::default() };
        let all = ResourceMetrics { resource: Some(resource), scope_metrics: vec![metrics], schema_url: String::new() };
        let body = ExportMetricsServiceRequest { resource_metrics: vec![all] }.encode_to_vec();
        let request = http::Request::post(self.endpoint.as_str()).header(CONTENT_TYPE, "application/x-protobuf");
        // What goes wrong has been said where it was sent.
        let Ok(request) = request.body(body.into()) else { return };
        let Ok(answer) = self.post.send(request).await else { return };
        if answer.status().is_success() {
            self.note(ExportMetricsServiceResponse::decode(answer.into_body()).unwrap_or_default());
        }
    }

    /// A collector that took only a part says so, and one that took all may warn; the first time it is said again.
    fn note(&mut self, answer: ExportMetricsServiceResponse) {
        let partly = answer.partial_success.unwrap_or_default();
        let (rejected, why) = (partly.rejected_data_points, partly.error_message);
        let before = std::mem::replace(&mut self.partly, rejected > 0 || !why.is_empty());
        if self.partly && !before {
            tracing::warn!(rejected, why, "the collector has something to say of the metrics that it took");
        }
    }
}
