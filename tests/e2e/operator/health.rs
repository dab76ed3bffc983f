//! Health tells what is the matter: each part is taken away in turn, and given back where it can be.

use image2model_tests::process::Process;
use image2model_tests::product::image2model;
use image2model_tests::redis::Redis;
use image2model_tests::sim::Sim;
use image2model_tests::{Client, Product};
use serde_json::{Value, json};

use super::named;

const TOKEN: &str = "a-token-for-the-blob-gateway";

fn start(part: &str, data: &std::path::Path, environment: &[(&str, String)]) -> (Process, String) {
    let mut command = image2model().unwrap();
    command.args([part, "--listen", "127.0.0.1:0", "--data-dir"]).arg(data);
    let cache = image2model_tests::process::root().join("target/compiled-components");
    command.envs(environment.iter().map(|(name, value)| (*name, value.as_str()))).env("COMPILE_CACHE_DIR", cache);
    command.env("RATE_LIMIT_PER_MINUTE", "100000").env("RATE_LIMIT_PER_HOUR", "1000000");
    let mut process = Process::start(&mut command).unwrap();
    let ready = process.wait_for("ready: ").unwrap();
    (process, ready)
}

async fn status(client: &Client, path: &str) -> u16 {
    client.get(path).await.unwrap().status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_follows_what_is_needed() {
    let mut redis = Redis::start().unwrap();
    let (data, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let port = image2model_tests::redis::free_port().unwrap();
    let sim = Sim::start("20").unwrap();
    let fal = |path: &str| format!("{}/{path}", sim.base_url());
    let common = [
        ("REDIS_URL", redis.url()),
        ("BLOB_TOKEN", TOKEN.to_owned()),
        ("FAL_KEY", sim.key().to_owned()),
        ("FAL_QUEUE_URL", fal("queue")),
        ("FAL_REST_URL", fal("rest")),
        ("FAL_API_URL", fal("api")),
        ("FAL_RESULT_HOSTS", "127.0.0.1".to_owned()),
    ];
    let with = |name, value: String| [&common[..], &[(name, value)]].concat();
    // The worker's process keeps the bytes of both.
    let (mut worker, _) = start("worker", data.path(), &with("BLOB_LISTEN", format!("127.0.0.1:{port}")));
    let (_serve, url) = start("serve", elsewhere.path(), &with("BLOB_URL", format!("http://127.0.0.1:{port}")));
    let client = Client::new(&url, None).unwrap();

    let ready = client.until("/health/ready", |r| r["checks"]["workers"] == "ok").await.unwrap();
    assert_eq!((&ready["status"], &ready["checks"]["blob_store"]), (&json!("ready"), &json!("ok")));
    let fal = client.until("/health/readiness", |r| detail(r, "fal_api")["reachable"] == true).await.unwrap();
    assert_eq!(detail(&fal, "fal_api")["mode"], "live");
    let hosts = client
        .until("/api/v1/admin/system-info", |i| i["hosts"].as_array().is_some_and(|h| h.len() == 2))
        .await
        .unwrap();
    named(&hosts["hosts"], "role", "worker");
    named(&hosts["hosts"], "role", "serve");

    worker.stop(std::time::Duration::from_secs(40)).unwrap();
    let away = client.until("/health/ready", |r| r["checks"]["blob_store"] == "failed").await.unwrap();
    assert_eq!((&away["status"], &away["checks"]["redis"]), (&json!("not_ready"), &json!("ok")));
    assert_eq!((&away["checks"]["workers"], &away["checks"]["disk_space"]), (&json!("degraded"), &json!("failed")));
    assert_eq!(status(&client, "/health/ready").await, 503);
    assert_eq!(client.json("/api/v1/admin/system-health").await.unwrap()["status"], "critical");

    redis.process().kill();
    let away = client.until("/health/ready", |r| r["checks"]["redis"] == "failed").await.unwrap();
    assert_eq!(away["status"], "not_ready");
    for path in ["/health/ready", "/health", "/health/detailed", "/api/v1/health/readiness"] {
        assert_eq!(status(&client, path).await, 503, "{path}");
    }
    for path in ["/health/live", "/health/liveness", "/api/v1/health/live", "/metrics"] {
        assert_eq!(status(&client, path).await, 200, "{path}");
    }
}

fn detail<'a>(readiness: &'a Value, check: &str) -> &'a Value {
    let components = readiness["components"].as_array().into_iter().flatten();
    components.clone().find(|c| c["name"] == check).map_or(&Value::Null, |c| &c["details"])
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_worker_uploads_wait_and_health_says_so() {
    let redis = Redis::start().unwrap();
    let data = tempfile::tempdir().unwrap();
    let (_serve, url) = start("serve", data.path(), &[("REDIS_URL", redis.url())]);
    let client = Client::new(&url, None).unwrap();
    let health = client.until("/health", |h| h["checks"]["workers"] == "degraded").await.unwrap();
    assert_eq!((&health["status"], &health["checks"]["redis"]), (&json!("degraded"), &json!("ok")));
    let upload = client.upload(&[super::photograph("a.jpg", 1)], &[]).await.unwrap();
    assert_eq!(upload["status"], "pending");
    assert_eq!(status(&client, "/health/ready").await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn details_are_open_and_tell_no_names() {
    let product = Product::setup().start().unwrap();
    let client = product.client().unwrap();
    for path in ["/health/detailed", "/api/v1/health/detailed", "/health/detailed/"] {
        let health = client.until(path, |h| h["processes"]["hosts"] == 1 && h["status"] == "healthy").await.unwrap();
        assert_eq!(health["fal"]["mode"], "simulated", "{health}");
        assert!(health["system"]["memory_available_gb"].as_f64() > Some(0.0), "{health}");
        assert!(health["uptime_seconds"].is_u64());
        for check in ["redis", "fal_api", "disk_space", "workers", "blob_store"] {
            let check = named(&health["components"], "name", check);
            assert!(check["response_time_ms"].is_i64() && check["details"].is_object(), "{check}");
        }
        assert!(!health.to_string().contains("127.0.0.1"), "{health}");
    }
}
