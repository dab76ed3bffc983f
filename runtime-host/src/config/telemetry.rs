//! Where spans and metrics go, by OpenTelemetry's own variables (opentelemetry.io/docs/specs/otel/protocol/exporter and
//! …/configuration/sdk-environment-variables): what is said of one signal holds instead of what is said of both.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::Telemetry;
use super::reader::{Reader, is_http};
use crate::otlp::{Destination, Metrics};
use crate::trace::{self, Traces};

/// The variables of one signal, and its place at a collector of both.
struct Signal {
    exporter: &'static str,
    endpoint: &'static str,
    headers: &'static str,
    path: &'static str,
}

const TRACES: Signal = Signal {
    exporter: "OTEL_TRACES_EXPORTER",
    endpoint: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    headers: "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
    path: "/v1/traces",
};
const METRICS: Signal = Signal {
    exporter: "OTEL_METRICS_EXPORTER",
    endpoint: "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    headers: "OTEL_EXPORTER_OTLP_METRICS_HEADERS",
    path: "/v1/metrics",
};

pub(super) fn read(reader: &mut Reader<'_>) -> Telemetry {
    let disabled = reader.value("OTEL_SDK_DISABLED", |text| text.to_ascii_lowercase().parse::<bool>().ok());
    let collector = reader.http_url("OTEL_EXPORTER_OTLP_ENDPOINT");
    let headers = reader.value("OTEL_EXPORTER_OTLP_HEADERS", headers).unwrap_or_default();
    let mut to =
        |signal| destination(reader, &signal, collector.as_deref(), &headers).filter(|_| disabled == Some(false));
    let (traces, metrics) = (to(TRACES), to(METRICS));
    let attributes = reader.value("OTEL_RESOURCE_ATTRIBUTES", pairs).unwrap_or_default();
    let mut names = attributes.iter().filter(|(name, value)| name == "service.name" && !value.is_empty());
    let named = names.next_back().map(|(_, value)| value.clone());
    let share = reader.number("OTEL_TRACES_SAMPLER_ARG", 0.0..=1.0);
    let sampler = reader.value("OTEL_TRACES_SAMPLER", |name| trace::sampler(name, share));
    let every = Duration::from_millis(reader.number("OTEL_METRIC_EXPORT_INTERVAL", 100..=3_600_000));
    Telemetry {
        service: reader.set_text("OTEL_SERVICE_NAME").map(str::to_owned).or(named),
        attributes,
        traces: traces.zip(sampler).map(|(to, sampler)| Traces { to, sampler }),
        metrics: metrics.map(|to| Metrics { to, every }),
    }
}

fn destination(
    reader: &mut Reader<'_>,
    signal: &Signal,
    collector: Option<&str>,
    of_both: &HeaderMap,
) -> Option<Destination> {
    let at_collector = collector.and_then(|collector| Url::parse(&format!("{collector}{}", signal.path)).ok());
    // As it is: a collector may want a slash at the end, or a query.
    let own = reader.value(signal.endpoint, |text| Url::parse(text).ok().filter(is_http));
    let headers = reader.value(signal.headers, headers).unwrap_or_else(|| of_both.clone());
    let wanted = reader.value(signal.exporter, |text| ["none", "otlp"].iter().position(|known| *known == text));
    let endpoint = own.or(at_collector).filter(|_| wanted == Some(1))?;
    Some(Destination { endpoint, headers })
}

/// `name=value` between commas, as HTTP has them.
fn headers(text: &str) -> Option<HeaderMap> {
    let header = |(name, value): (String, String)| {
        let mut value = HeaderValue::try_from(value).ok()?;
        value.set_sensitive(true);
        Some((HeaderName::try_from(name).ok()?, value))
    };
    pairs(text)?.into_iter().map(header).collect()
}

/// `name=value` between commas; values may be percent-encoded.
fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        let value = percent_encoding::percent_decode_str(value.trim()).decode_utf8().ok()?;
        (!name.trim().is_empty()).then(|| (name.trim().to_owned(), value.into_owned()))
    };
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(pair).collect()
}
