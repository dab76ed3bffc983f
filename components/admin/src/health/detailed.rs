//! `GET /health/detailed`: every check with its figures, the machine, and how long the service has been up. Open, so it
//! names no machine, no address and nobody's jobs.

use image2model_domain::time::rfc3339;
use image2model_kit::{Context, Failure, Reply, clock, reply};
use serde_json::{Value, json};

use super::probe::{self, Check, Report};
use super::{SERVICE, checks, component, retry_hint};
use crate::breaker;
use crate::hosts::processes::{self, HostProcess};

/// 503 when something that is needed fails.
pub(crate) async fn answer(_: Context) -> Result<Reply, Failure> {
    let report = probe::report().await;
    let hosts = clock::within(probe::PATIENCE, processes::alive()).await.and_then(Result::ok).unwrap_or_default();
    let status = if report.is_ready() { 200 } else { 503 };
    retry_hint(reply::json(status, &shown(&report, &hosts))?, status)
}

fn shown(report: &Report, hosts: &[HostProcess]) -> Value {
    json!({
        "status": report.word(),
        "service": SERVICE,
        "version": env!("CARGO_PKG_VERSION"),
        "timestamp": rfc3339(clock::now_ms()),
        "uptime_seconds": hosts.iter().map(|host| host.uptime_seconds).max(),
        "fal": report.check("fal_api").map(|check| &check.details),
        "checks": checks(report),
        "components": components(&report.checks),
        "paused_queues": report.paused_queues(),
        "breaker": breaker::shown(report.breaker(), clock::now_ms()),
        "processes": { "hosts": hosts.len(), "workers": report.workers.len() },
        "system": system(report, hosts),
    })
}

/// What the original called the workers.
const WORKERS: &str = "celery";

/// The checks as the original showed them: in its words, and the workers by its name for them beside ours.
fn components(checks: &[Check]) -> Vec<Value> {
    let shown = |name: &str, check: &Check| component(name, check.health.original_word(), check);
    let workers = checks.iter().filter(|check| check.name == "workers").map(|check| shown(WORKERS, check));
    checks.iter().map(|check| shown(check.name, check)).chain(workers).collect()
}

/// The machine of a host that serves, in the original's words. Spin does not tell about its own.
fn system(report: &Report, hosts: &[HostProcess]) -> Value {
    let host = hosts.iter().find(|host| host.serves_components).or_else(|| hosts.first());
    let of_machine = |pointer: &str| host.and_then(|host| host.measured(pointer));
    let (total, available) = (of_machine("/machine/memory_total_bytes"), of_machine("/machine/memory_available_bytes"));
    let disk = report.check("disk_space").map(|check| &check.details);
    let of_disk = |name: &str| disk.and_then(|disk| disk.get(name)).and_then(Value::as_f64);
    let (disk_total, disk_free) = (of_disk("total_bytes"), of_disk("free_bytes"));
    json!({
        "cpus": of_machine("/machine/cpus"),
        "load_average": host.and_then(|host| host.process.pointer("/machine/load_average")),
        "memory_usage_percent": used_percent(total, available),
        "memory_available_gb": available.map(gigabytes),
        "disk_usage_percent": used_percent(disk_total, disk_free),
        "disk_free_gb": disk_free.map(gigabytes),
    })
}

/// How much of something is in use, where both are known.
pub(crate) fn used_percent(total: Option<f64>, free: Option<f64>) -> Option<f64> {
    let (total, free) = (total.filter(|total| *total > 0.0)?, free?);
    Some(rounded(100.0 * (total - free) / total))
}

fn gigabytes(bytes: f64) -> f64 {
    rounded(bytes / 1_073_741_824.0)
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::probe::Health;
    use super::*;

    #[test]
    fn components_are_told_in_the_originals_words() {
        let check = |name, health| Check { name, health, needed: true, took_ms: 1, details: json!({}) };
        let checks =
            [check("redis", Health::Ok), check("workers", Health::Degraded), check("disk_space", Health::Failed)];
        let told: Vec<(Value, Value)> =
            components(&checks).iter().map(|c| (c["name"].clone(), c["status"].clone())).collect();
        let expected =
            [("redis", "healthy"), ("workers", "degraded"), ("disk_space", "unhealthy"), ("celery", "degraded")];
        assert_eq!(told, expected.map(|(name, word)| (json!(name), json!(word))));
    }

    #[test]
    fn figures_are_the_originals_and_missing_ones_are_null() {
        assert_eq!(used_percent(Some(200.0), Some(50.0)), Some(75.0));
        assert_eq!((used_percent(None, Some(1.0)), used_percent(Some(0.0), Some(0.0))), (None, None));
        assert!((gigabytes(1_610_612_736.0) - 1.5).abs() < f64::EPSILON);
    }
}
