//! `GET /admin/disk-usage` and `GET /admin/system-health`, in the original's shape: what both areas hold, the disk they
//! share, and when that becomes a worry.

use image2model_domain::time::rfc3339;
use image2model_kit::{Context, Failure, Reply, blobs, clock, reply};
use serde_json::{Map, Value, json};

use super::megabytes;
use crate::audit;
use crate::health::probe::{self, Check, Health};

/// Percent of the disk from which on it is worth a warning, and from which on it is critical.
const HIGH: f64 = 80.0;
const CRITICAL: f64 = 90.0;

/// Answers what the areas hold.
pub(crate) async fn disk(context: Context) -> Result<Reply, Failure> {
    audit::asked(&context, &json!({}));
    reply::json(200, &shown(&blobs::usage().await?, clock::now_ms()))
}

fn shown(usage: &Value, now_ms: i64) -> Value {
    json!({
        "upload_dir": area(usage, "uploads"),
        "output_dir": area(usage, "results"),
        "timestamp": rfc3339(now_ms),
    })
}

/// One area. The disk's figures are left out of a store that has none, like S3.
fn area(usage: &Value, name: &str) -> Value {
    let number = |pointer: &str| usage.pointer(pointer).and_then(Value::as_u64);
    let of_area = |field: &str| number(&format!("/{name}/{field}")).unwrap_or_default();
    let mut shown = Map::from_iter([
        ("path".to_owned(), json!(name)),
        ("size_mb".to_owned(), json!(megabytes(of_area("bytes")))),
        ("size_bytes".to_owned(), json!(of_area("bytes"))),
        ("file_count".to_owned(), json!(of_area("files"))),
        ("directory_count".to_owned(), json!(of_area("jobs"))),
        ("complete".to_owned(), usage.pointer(&format!("/{name}/complete")).cloned().unwrap_or(json!(true))),
    ]);
    if let (Some(total), Some(free)) = (number("/disk/total_bytes"), number("/disk/free_bytes")) {
        let gigabytes = |bytes: u64| json!(megabytes(bytes) / 1024.0);
        let used = total.saturating_sub(free);
        shown.extend([
            ("disk_total_gb".to_owned(), gigabytes(total)),
            ("disk_used_gb".to_owned(), gigabytes(used)),
            ("disk_free_gb".to_owned(), gigabytes(free)),
            ("disk_usage_percent".to_owned(), json!(percent(used, total))),
        ]);
    }
    Value::Object(shown)
}

fn percent(used: u64, total: u64) -> f64 {
    if total == 0 { 0.0 } else { 100.0 * megabytes(used) / megabytes(total) }
}

/// Answers whether anything is worth a look: disks, and every check of readiness.
pub(crate) async fn system_health(context: Context) -> Result<Reply, Failure> {
    audit::asked(&context, &json!({}));
    let report = probe::report().await;
    let usage = clock::within(probe::PATIENCE * 6, blobs::usage()).await.and_then(Result::ok);
    let now = clock::now_ms();
    let disk = usage.as_ref().map(|usage| shown(usage, now));
    let (status, warnings) = judged(disk.as_ref(), &report.checks);
    let checks: Map<String, Value> =
        report.checks.iter().map(|c| (c.name.to_owned(), json!(c.health.word()))).collect();
    let body = json!({
        "status": status, "disk_usage": disk, "warnings": warnings, "checks": checks, "timestamp": rfc3339(now),
    });
    reply::json(200, &body)
}

fn judged(disk: Option<&Value>, checks: &[Check]) -> (&'static str, Vec<String>) {
    let (mut critical, mut warnings) = (false, Vec::new());
    for area in ["upload_dir", "output_dir"] {
        let used = disk.and_then(|disk| disk.pointer(&format!("/{area}/disk_usage_percent"))).and_then(Value::as_f64);
        let Some(used) = used.filter(|used| *used > HIGH) else { continue };
        critical |= used > CRITICAL;
        let word = if used > CRITICAL { "critical" } else { "high" };
        warnings.push(format!("{area}: Disk usage {word} ({used:.1}%)"));
    }
    for check in checks.iter().filter(|check| check.health != Health::Ok) {
        critical |= check.needed && check.health == Health::Failed;
        warnings.push(format!("{}: {}", check.name, check.health.word()));
    }
    let status = match (critical, warnings.is_empty()) {
        (true, _) => "critical",
        (false, false) => "warning",
        (false, true) => "healthy",
    };
    (status, warnings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(free: u64) -> Value {
        json!({
            "uploads": { "files": 2, "bytes": 3_145_728, "jobs": 1, "complete": true },
            "results": { "files": 0, "bytes": 0, "jobs": 0, "complete": true },
            "disk": { "free_bytes": free, "total_bytes": 1_073_741_824_u64 },
        })
    }

    #[test]
    fn shows_areas_as_the_original_did() {
        let shown = shown(&usage(536_870_912), 0);
        assert_eq!((&shown["upload_dir"]["size_mb"], &shown["upload_dir"]["file_count"]), (&json!(3.0), &json!(2)));
        assert_eq!(
            (&shown["output_dir"]["disk_usage_percent"], &shown["output_dir"]["disk_total_gb"]),
            (&json!(50.0), &json!(1.0))
        );
        let elsewhere = area(&json!({ "uploads": {} }), "uploads");
        assert!(elsewhere.get("disk_total_gb").is_none());
    }

    #[test]
    fn warns_of_full_disks_and_failed_checks() {
        let judge = |free| judged(Some(&shown(&usage(free), 0)), &[]);
        assert_eq!(judge(536_870_912).0, "healthy");
        assert_eq!((judge(161_061_273).0, judge(1).0), ("warning", "critical"));
        let check = |needed| Check { name: "redis", health: Health::Failed, needed, took_ms: 0, details: json!({}) };
        assert_eq!((judged(None, &[check(true)]).0, judged(None, &[check(false)]).0), ("critical", "warning"));
    }
}
