//! Metrics are valid in both formats, count what happened, and tell nothing about whose it was.

use image2model_tests::Product;
use image2model_tests::client::{Client, text};
use image2model_tests::exposition::{Dialect, Samples, parse};
use reqwest::Method;

use super::{photograph, send};

async fn scrape(client: &Client, path: &str, accept: &str, dialect: Dialect) -> (Samples, String) {
    let response = client.request(Method::GET, path).header("accept", accept).send().await.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
    let expected = match dialect {
        Dialect::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        Dialect::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
    };
    assert_eq!(kind, expected, "{path}");
    let body = response.text().await.unwrap();
    (parse(&body, dialect).unwrap_or_else(|error| panic!("{path}: {error:#}\n{body}")), body)
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_what_happened_and_name_nobody() {
    let product = Product::setup()
        .with("API_KEY", "the-users-key-0123456789")
        .with("ADMIN_API_KEY", "the-admins-key-0123456789")
        .start()
        .unwrap();
    let (nobody, user) = (product.client().unwrap(), product.client_with_key("the-users-key-0123456789").unwrap());
    let admin = product.client_with_key("the-admins-key-0123456789").unwrap();
    let files = [photograph("a.jpg", 1), photograph("sim-content-policy.jpg", 2), photograph("c.jpg", 3)];
    let sizes: usize = files.iter().map(|file| file.bytes.len()).sum();
    let upload = user.upload(&files, &[]).await.unwrap();
    user.ended(text(&upload, "job_id")).await.unwrap();
    assert_eq!(send(&admin, Method::POST, "/api/v1/admin/queues/maintenance/pause").await.0, 200);

    // What was gathered is good for two seconds, what hosts say for five more.
    let mut last = (Samples::new(), String::new());
    for _ in 0..200 {
        last = scrape(&nobody, "/metrics", "text/plain", Dialect::Prometheus).await;
        let of_upload = |name: &str, value: f64| {
            let found = last.0.iter().any(|(series, count)| {
                series.starts_with(name) && series.contains("component=\"upload\"") && *count >= value
            });
            found && last.0.get("image2model_queue_paused{queue=\"maintenance\"}") == Some(&1.0)
        };
        if of_upload("image2model_component_requests_total", 1.0) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let (samples, body) = last;
    let uploaded = u32::try_from(sizes).unwrap();
    for (series, value) in [
        ("image2model_ready", 1.0),
        ("image2model_check_ok{check=\"redis\"}", 1.0),
        ("image2model_jobs_created_total", 1.0),
        ("image2model_jobs{status=\"pending\"}", 0.0),
        ("image2model_jobs{status=\"processing\"}", 0.0),
        ("image2model_jobs_ended_total{status=\"partially_completed\"}", 1.0),
        ("image2model_files_created_total", 3.0),
        ("image2model_files_ended_total{status=\"completed\"}", 2.0),
        ("image2model_files_ended_total{status=\"failed\"}", 1.0),
        ("image2model_file_duration_seconds_count{status=\"completed\"}", 2.0),
        ("image2model_uploaded_bytes_total", f64::from(uploaded)),
        ("image2model_queue_wait_seconds_count{queue=\"batch_processing\"}", 3.0),
        ("image2model_queue_wait_seconds_count{queue=\"model_generation\"}", 0.0),
        ("image2model_fal_queue_seconds_count", 3.0),
        ("image2model_fence_refusals_total", 0.0),
        ("image2model_submits_reconciled_total", 0.0),
        ("image2model_possible_duplicates_total", 0.0),
        ("image2model_fal_breaker_open{kind=\"account\"}", 0.0),
        ("image2model_blobs_removed_total{why=\"orphaned\"}", 0.0),
        ("image2model_disk_min_free_bytes", 512_000_000.0),
        ("image2model_dead_letters", 1.0),
        ("image2model_queue_waiting{queue=\"batch_processing\"}", 0.0),
        ("image2model_queue_paused{queue=\"maintenance\"}", 1.0),
        ("image2model_workers", 1.0),
        ("image2model_fal_breaker_workers{state=\"closed\"}", 1.0),
        ("image2model_fal_simulated", 1.0),
    ] {
        assert_eq!(samples.get(series), Some(&value), "{series} in\n{body}");
    }
    assert!(samples["image2model_cost_usd_total"] > 0.0, "two models were paid for:\n{body}");
    // Every bound of a component, and what answers; what Spin counts also by Spin's names.
    let told = |name: &str, label: &str| samples.keys().any(|key| key.starts_with(name) && key.contains(label));
    for name in [
        "active_requests",
        "cpu_seconds_total",
        "queue_seconds_total",
        "memory_bytes",
        "instances",
        "traps_total",
        "memory_denied_total",
        "cpu_exceeded_total",
        "timeouts_total",
        "refused_total",
        "too_large_total",
        "cut_off_total",
        "made_room_total",
        "duration_seconds_bucket",
        "generation_info",
        "trial_percent",
    ] {
        assert!(told(&format!("image2model_component_{name}{{"), "component=\"upload\""), "{name} in\n{body}");
    }
    for name in ["spin_request_count_total", "spin_component_cpu_time_seconds_sum", "spin_component_memory_used_bytes"]
    {
        assert!(told(name, "component_id=\"upload\""), "{name} in\n{body}");
    }
    let of_upload =
        ["component_id=\"upload\"", "method=\"POST\"", "status_code=\"200\"", "route=\"/api/v1/upload/...\""];
    let answered = |key: &str| key.starts_with("http_server_request_duration_seconds_count{");
    let mut answered = samples.iter().filter(|(key, _)| answered(key) && of_upload.iter().all(|one| key.contains(one)));
    assert_eq!(answered.next().map(|(_, count)| *count), Some(1.0), "{body}");
    // By the names of the design documents, too.
    let took = "task_duration_seconds_count{status=\"completed\",task_name=\"tasks.generate_single_model\"}";
    assert_eq!(samples.get(took), Some(&2.0), "{body}");
    for (name, label) in [
        ("http_requests_total{", "endpoint=\"/api/v1/upload/...\""),
        ("system_cpu_percent{", "role="),
        ("system_memory_percent{", "role="),
        ("system_cpu_usage_percent{", "role="),
        ("system_memory_usage_percent{", "role="),
        ("http_request_duration_seconds{", "endpoint=\"/api/v1/upload/...\""),
    ] {
        assert!(told(name, label), "{name} in\n{body}");
    }
    let disk = samples.get("system_disk_usage_percent");
    assert!(disk.is_some_and(|used| (0.0..=100.0).contains(used)), "{body}");
    for secret in [text(&upload, "job_id"), "tenant", "key:", "127.0.0.1", "a.jpg"] {
        assert!(!body.contains(secret), "{secret} is in\n{body}");
    }

    let open = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5";
    for path in ["/metrics", "/health/metrics", "/api/v1/metrics", "/api/v1/health/metrics", "/metrics/"] {
        let (same, _) = scrape(&nobody, path, open, Dialect::OpenMetrics).await;
        assert_eq!(same["image2model_jobs_created_total"], 1.0, "{path}");
        scrape(&nobody, path, "*/*", Dialect::Prometheus).await;
    }
}
