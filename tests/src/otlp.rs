//! A collector: takes OTLP as protobuf over HTTP, as any collector does, and keeps spans, and the newest of what is counted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode as SpanStatus;
use parking_lot::Mutex;
use prost::Message;

/// One span as it came in.
#[derive(Debug, Clone)]
pub struct Span {
    /// `service.name` of its process.
    pub service: String,
    /// `service.instance.id` of its process.
    pub instance: String,
    /// Its name.
    pub name: String,
    /// Trace, span and parent in hex; the parent is empty in a root.
    pub trace: String,
    /// Its own id.
    pub id: String,
    /// The span it is a part of.
    pub parent: String,
    /// As the protocol numbers them: 2 server, 3 client, 5 consumer.
    pub kind: i32,
    /// Whether it says that it failed.
    pub failed: bool,
    /// Begin and end, nanoseconds since 1970.
    pub time: (u64, u64),
    /// Its attributes, as text.
    pub attributes: BTreeMap<String, String>,
}

/// What has come in.
#[derive(Debug, Default)]
struct Kept {
    spans: Vec<Span>,
    /// The newest metrics of each process, by `service.name`.
    metrics: BTreeMap<String, Vec<Metric>>,
}

type Shared = Arc<Mutex<Kept>>;

/// A running collector; ends with its value.
pub struct Collector {
    url: String,
    kept: Shared,
    task: tokio::task::JoinHandle<()>,
}

/// The key that it wants.
const KEY: &str = "the-key-of-the-collector";

impl Collector {
    /// Starts one.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let (url, kept) = (format!("http://{}", listener.local_addr()?), Shared::default());
        let app = axum::Router::new()
            .route("/v1/traces", axum::routing::post(take_spans))
            .route("/v1/metrics", axum::routing::post(take_metrics))
            .with_state(kept.clone());
        let task = tokio::spawn(async move {
            let _ = axum::serve(listener, app).await;
        });
        Ok(Self { url, kept, task })
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What a process has to be told to send its spans here, soon after they end, and five times a second what it counts.
    #[must_use]
    pub fn environment(&self) -> [(&'static str, String); 4] {
        [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", self.url.clone()),
            ("OTEL_EXPORTER_OTLP_HEADERS", format!("x-key={KEY}")),
            ("OTEL_BSP_SCHEDULE_DELAY", "100".to_owned()),
            ("OTEL_METRIC_EXPORT_INTERVAL", "200".to_owned()),
        ]
    }

    /// The spans of a trace, once there is one of each of these names.
    ///
    /// # Errors
    /// When they have not come within half a minute.
    pub async fn until(&self, trace: &str, names: &[&str]) -> anyhow::Result<Vec<Span>> {
        let started = Instant::now();
        loop {
            let all = self.all();
            let found: Vec<Span> = all.into_iter().filter(|span| span.trace == trace).collect();
            let missing: Vec<&&str> =
                names.iter().filter(|name| !found.iter().any(|span| span.name == **name)).collect();
            if missing.is_empty() {
                return Ok(found);
            }
            ensure!(started.elapsed() < Duration::from_secs(30), "{missing:?} did not come, of {found:#?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Every span of every trace.
    #[must_use]
    pub fn all(&self) -> Vec<Span> {
        self.kept.lock().spans.clone()
    }

    /// The newest metrics of the process of that `service.name`, once they are as wanted.
    ///
    /// # Errors
    /// When they have not come within half a minute.
    pub async fn counted(&self, service: &str, wanted: impl Fn(&[Metric]) -> bool) -> anyhow::Result<Vec<Metric>> {
        let started = Instant::now();
        loop {
            let newest = self.kept.lock().metrics.get(service).cloned().unwrap_or_default();
            if wanted(&newest) {
                return Ok(newest);
            }
            ensure!(started.elapsed() < Duration::from_secs(30), "{service} counted {newest:#?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Decodes what was sent, if it may be.
fn read<M: Message + Default>(headers: &HeaderMap, body: Bytes) -> Result<M, StatusCode> {
    let is = |name: &str, value: &str| headers.get(name).is_some_and(|sent| sent == value);
    if !is("x-key", KEY) {
        return Err(StatusCode::UNAUTHORIZED);
    }
    if !is("content-type", "application/x-protobuf") {
        return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    M::decode(body).map_err(|_| StatusCode::BAD_REQUEST)
}

async fn take_metrics(State(kept): State<Shared>, headers: HeaderMap, body: Bytes) -> Result<Vec<u8>, StatusCode> {
    let request: ExportMetricsServiceRequest = read(&headers, body)?;
    for process in request.resource_metrics {
        let about = attributes(process.resource.map(|resource| resource.attributes).unwrap_or_default());
        let metrics = process.scope_metrics.into_iter().flat_map(|scope| scope.metrics).collect();
        kept.lock().metrics.insert(about.get("service.name").cloned().unwrap_or_default(), metrics);
    }
    Ok(ExportMetricsServiceResponse::default().encode_to_vec())
}

async fn take_spans(State(kept): State<Shared>, headers: HeaderMap, body: Bytes) -> Result<Vec<u8>, StatusCode> {
    let request: ExportTraceServiceRequest = read(&headers, body)?;
    let mut kept = kept.lock();
    for process in request.resource_spans {
        let about = attributes(process.resource.map(|resource| resource.attributes).unwrap_or_default());
        let [service, instance] =
            ["service.name", "service.instance.id"].map(|name| about.get(name).cloned().unwrap_or_default());
        kept.spans.extend(process.scope_spans.into_iter().flat_map(|scope| scope.spans).map(|span| Span {
            service: service.clone(),
            instance: instance.clone(),
            name: span.name,
            trace: hex(&span.trace_id),
            id: hex(&span.span_id),
            parent: hex(&span.parent_span_id),
            kind: span.kind,
            failed: span.status.is_some_and(|status| status.code() == SpanStatus::Error),
            time: (span.start_time_unix_nano, span.end_time_unix_nano),
            attributes: attributes(span.attributes),
        }));
    }
    Ok(ExportTraceServiceResponse::default().encode_to_vec())
}

/// Attributes, as text.
#[must_use]
pub fn attributes(all: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |value: Option<AnyValue>| match value.and_then(|value| value.value) {
        Some(any_value::Value::StringValue(text)) => text,
        Some(any_value::Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    all.into_iter().map(|pair| (pair.key, text(pair.value))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
