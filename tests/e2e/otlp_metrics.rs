//! What a process counts, as a collector on this machine is sent it: by the names that `/metrics` has, to the end.

use std::collections::BTreeMap;
use std::time::Duration;

use image2model_domain::meter;
use image2model_tests::Product;
use image2model_tests::client::{Upload, text};
use image2model_tests::otlp::{Collector, attributes};
use image2model_tests::photo;
use opentelemetry_proto::tonic::common::v1::any_value;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use reqwest::Method;

type Told = BTreeMap<String, String>;

fn product(collector: &Collector, more: &[(&str, &str)]) -> Product {
    let variables = collector.environment();
    let setup = variables.iter().fold(Product::setup(), |setup, (name, value)| setup.with(name, value.clone()));
    more.iter().fold(setup, |setup, (name, value)| setup.with(name, *value)).start().unwrap()
}

/// Attributes and value of each point of a sum.
fn sum(metrics: &[Metric], name: &str) -> Vec<(Told, i64)> {
    let data = metrics.iter().find(|metric| metric.name == name).and_then(|metric| metric.data.clone());
    let Some(Data::Sum(sum)) = data else { return vec![] };
    let value = |value| match value {
        Some(Value::AsInt(whole)) => whole,
        other => panic!("{other:?}"),
    };
    sum.data_points.into_iter().map(|point| (attributes(point.attributes), value(point.value))).collect()
}

fn requests(metrics: &[Metric], component: &str) -> i64 {
    let of = |(told, _): &&(Told, i64)| told["component"] == component;
    sum(metrics, meter::REQUESTS.name).iter().find(of).map(|(_, value)| *value).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_is_told_of_every_component_by_the_names_that_metrics_has() {
    let collector = Collector::start().await.unwrap();
    let mut product =
        product(&collector, &[("OTEL_RESOURCE_ATTRIBUTES", "service.name=models,deployment.environment.name=test")]);
    let client = product.client().unwrap();
    let upload = client.upload(&[Upload::new("chair.jpg", photo::jpeg(96, 72, 1).unwrap())], &[]).await.unwrap();
    client.ended(text(&upload, "job_id")).await.unwrap();

    let metrics = collector.counted("models", |metrics| requests(metrics, "upload") == 1).await.unwrap();
    let took = metrics.iter().find(|metric| metric.name == "http.server.request.duration").unwrap();
    assert_eq!(took.unit, "s");
    let Some(Data::Histogram(took)) = &took.data else { panic!("{took:?}") };
    let of_upload = |told: &Told| told["component_id"] == "upload";
    let mut told = took.data_points.iter().map(|point| (attributes(point.attributes.clone()), point));
    let (told, point) = told.find(|(told, _)| of_upload(told)).unwrap();
    assert_eq!(
        ["http.request.method", "http.response.status_code", "http.route", "url.scheme"].map(|name| &*told[name]),
        ["POST", "200", "/api/v1/upload/...", "http"]
    );
    let status = point
        .attributes
        .iter()
        .find(|pair| pair.key == "http.response.status_code")
        .and_then(|pair| pair.value.clone());
    assert_eq!(
        status.and_then(|status| status.value),
        Some(any_value::Value::IntValue(200)),
        "as the conventions have it"
    );
    assert_eq!((point.count, point.bucket_counts.iter().sum::<u64>()), (1, 1));
    assert_eq!(point.explicit_bounds.len() + 1, point.bucket_counts.len());
    assert!(point.sum > Some(0.0) && point.time_unix_nano > point.start_time_unix_nano);

    // What was made for the one reads the other.
    let page = client.get("/metrics").await.unwrap().text().await.unwrap();
    let explained: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("# HELP ")?.split(' ').next()).collect();
    for metric in metrics.iter().filter(|metric| !metric.name.starts_with("process.")) {
        let known = meter::ALL.iter().find(|meter| meter.name == metric.name).unwrap();
        let as_text = ["", "_total", "_info"].map(|ending| known.prometheus_name() + ending);
        assert!(as_text.iter().any(|name| explained.contains(&&**name)), "{} in {page}", metric.name);
    }
    for process in ["process.uptime", "process.memory.usage", "process.cpu.time"] {
        assert!(metrics.iter().any(|metric| metric.name == process), "{process}");
    }
    // And nothing secret is in it.
    let said = format!("{metrics:?}");
    assert!(!said.contains("chair.jpg") && !said.contains(text(&upload, "job_id")), "{said}");
    product.stop().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_answers_are_told_of_when_a_process_stops() {
    let collector = Collector::start().await.unwrap();
    let mut product = product(&collector, &[("OTEL_METRIC_EXPORT_INTERVAL", "3600000")]);
    let client = product.client().unwrap();
    for _ in 0..20 {
        assert_eq!(client.get("/upload").await.unwrap().status(), 200);
    }
    let told = || collector.counted("image2model-up", |_| true);
    assert!(told().await.unwrap().is_empty(), "an hour is not over");
    product.stop().unwrap();
    assert_eq!(requests(&told().await.unwrap(), "web"), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_takes_spans_alone_hurts_nobody_and_can_be_spared_the_rest() {
    let (all, spans) = (Collector::start().await.unwrap(), Collector::start().await.unwrap());
    let nowhere = format!("{}/nowhere", all.url());
    let mut product = product(&all, &[("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", &nowhere)]);
    let refused = "the collector does not take what it is sent";
    product.process().wait_until(|line| line.contains(refused), Duration::from_secs(30)).unwrap();
    assert_eq!(product.client().unwrap().get("/health").await.unwrap().status(), 200);
    product.stop().unwrap();
    assert_eq!(product.process().said().matches(refused).count(), 1, "and it is said once");

    let mut spared = self::product(&spans, &[("OTEL_METRICS_EXPORTER", "none")]);
    let client = spared.client().unwrap();
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let sent = format!("00-{trace}-00f067aa0ba902b7-01");
    client.request(Method::GET, "/upload").header("traceparent", sent).send().await.unwrap();
    spans.until(trace, &["execute_wasm_component web"]).await.unwrap();
    spared.stop().unwrap();
    assert!(spans.counted("image2model-up", <[Metric]>::is_empty).await.is_ok());
}
