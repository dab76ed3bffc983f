//! The log routes and the audit log, through the front door, over what real traffic left there.

use std::time::Duration;

use image2model_tests::client::{Client, Upload, text};
use image2model_tests::redis::Redis;
use image2model_tests::{Product, photo};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const USER: &str = "user-key-0123456789";
const ADMIN: &str = "admin-key-0123456789";

fn start() -> Product {
    // Each question is asked without the right key as well.
    let setup = Product::setup().with("RATE_LIMIT_WRONG_KEYS_PER_MINUTE", "100");
    setup.with("API_KEY", USER).with("ADMIN_API_KEY", ADMIN).start().unwrap()
}

fn photograph(name: &str) -> Upload {
    Upload::new(name, photo::jpeg(320, 240, 7).unwrap())
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

fn has_type(answer: &Value, kind: &str) -> bool {
    list(answer, "entries").iter().any(|entry| entry["type"] == kind)
}

/// Uploads under a request id and waits for the end.
async fn run_job(client: &Client, name: &str, request_id: &str) -> Value {
    let form = reqwest::multipart::Form::new().part("files", photograph(name).part().unwrap());
    let upload = client.request(Method::POST, "/api/v1/upload").header("x-request-id", request_id).multipart(form);
    let answer = upload.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let job: Value = answer.json().await.unwrap();
    client.ended(text(&job, "job_id")).await.unwrap();
    job
}

async fn call(client: &Client, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
    let answer = client.request(method, path).json(&body).send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

async fn export(client: &Client, order: Value) -> String {
    let answer = client.request(Method::POST, "/api/v1/logs/export").json(&order).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.headers()["content-disposition"].to_str().unwrap().contains("logs_"));
    answer.text().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_followed_by_its_request_id_and_its_failure_is_found() {
    let product = start();
    let (user, admin) = (product.client_with_key(USER).unwrap(), product.client_with_key(ADMIN).unwrap());
    let job = run_job(&user, "chair.jpg", "follow-me-1").await;
    let path = "/api/v1/logs?request_id=follow-me-1";
    let said = admin
        .until(path, |found| {
            has_type(found, "access") && list(found, "entries").iter().any(|e| e["message"] == "a model is done")
        })
        .await
        .unwrap();
    for entry in list(&said, "entries") {
        assert_eq!(entry["request_id"], "follow-me-1");
        assert_eq!(entry["job_id"], job["job_id"], "{entry}");
    }
    let of = |kind: &str| list(&said, "entries").iter().find(|entry| entry["type"] == kind).unwrap();
    let (access, worker) = (of("access"), of("worker"));
    assert_eq!((text(&access["fields"], "method"), &access["fields"]["status"]), ("POST", &json!(200)));
    assert_eq!(access["component"], "upload");
    assert!(!text(worker, "fal_request_id").is_empty() && !text(worker, "file_id").is_empty(), "{worker}");

    // An error made on purpose: the simulator refuses this image for its content.
    let failed = run_job(&user, "sim-content-policy.jpg", "follow-me-2").await;
    let is_refusal = |error: &&Value| {
        error["type"] == "worker" && list(error, "examples").iter().any(|e| e["job_id"] == failed["job_id"])
    };
    let analysis = admin
        .until("/api/v1/logs/analyze?hours=1", |found| {
            list(&found["errors"], "most_frequent").iter().any(|error| is_refusal(&error))
        })
        .await
        .unwrap();
    let refusal = list(&analysis["errors"], "most_frequent").iter().find(is_refusal).unwrap();
    assert!(!text(refusal, "code").is_empty() && refusal["count"].as_u64() >= Some(1), "{refusal}");
    assert_eq!(list(refusal, "examples")[0]["request_id"], "follow-me-2");
    assert_eq!(analysis["complete"], true);
    assert_eq!(
        (&analysis["lines_analyzed"], &analysis["time_range"]["hours_analyzed"]),
        (&analysis["looked_at"], &json!(1))
    );
    assert_eq!(analysis["request_patterns"]["POST /api/v1/upload"], 2);
    assert!(analysis["log_levels"]["WARNING"].as_u64() >= Some(1) && analysis["error_patterns"].is_object());
    let metrics = &analysis["performance_metrics"];
    assert!(metrics["avg_response_time"].is_number() && !list(metrics, "slow_requests").is_empty(), "{metrics}");
    let routes = list(&analysis, "slowest_routes");
    let uploads = routes.iter().find(|r| r["route"] == "/api/v1/upload" && r["method"] == "POST").unwrap();
    assert_eq!(uploads["requests"], 2);
    let components: Vec<&str> = list(&analysis, "components").iter().map(|c| text(c, "component")).collect();
    assert!(components.contains(&"upload") && components.contains(&"status"), "{components:?}");

    let numbers = admin.json("/api/v1/logs/statistics?hours=2").await.unwrap();
    assert!(numbers["by_type"]["access"].as_u64() >= Some(4) && numbers["by_level"]["WARN"].as_u64() >= Some(1));
    assert_eq!(list(&numbers, "per_hour").len(), 3);
    assert!(numbers["total_files"].as_u64() >= Some(2) && numbers["total_size_mb"].as_f64() > Some(0.0), "{numbers}");
    let types = admin.json("/api/v1/logs/types").await.unwrap();
    let names: Vec<Value> = list(&types, "types").iter().map(|kind| kind["type"].clone()).collect();
    assert_eq!(list(&types, "log_types"), names);
    let health = admin.json("/api/v1/logs/health").await.unwrap();
    assert!(health["statistics"]["total_files"].as_u64() >= Some(2), "{health}");
    assert_eq!(list(&health, "findings").len(), list(&health, "recommendations").len());
    assert_eq!(list(&health, "findings").len(), list(&health, "issues").len() + list(&health, "warnings").len());
    let day = admin.json("/api/v1/logs/summary/daily").await.unwrap();
    assert_eq!(day["total_requests"], day["requests"]["total"]);
    assert_eq!(day["error_count"], day["by_level"]["ERROR"]);
    assert!(day["avg_response_time_ms"].is_number() && !list(&day, "top_endpoints").is_empty(), "{day}");
    assert!(
        day["requests"]["by_status"]["2xx"].as_u64() >= Some(4) && day["errors"]["total"].as_u64() >= Some(1),
        "{day}"
    );
    assert_eq!(admin.json("/api/v1/logs/summary/daily?date=2001-01-01").await.unwrap()["total"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_holds_everything_and_no_secret() {
    let product = start();
    let (user, admin) = (product.client_with_key(USER).unwrap(), product.client_with_key(ADMIN).unwrap());
    let job = run_job(&user, "chair.jpg", "export-me").await;
    let token = text(&job, "access_token");
    let nobody = product.client().unwrap();
    nobody.get(&format!("/api/v1/status/{}?access_token={token}", text(&job, "job_id"))).await.unwrap();
    // More than a page of entries.
    for n in 0..300 {
        let probe = nobody.request(Method::GET, "/favicon.ico").header("x-request-id", format!("probe-{n}"));
        assert_ne!(probe.send().await.unwrap().status(), 503);
    }
    admin.until("/api/v1/logs?request_id=probe-299", |found| found["count"] == 1).await.unwrap();

    let lines = export(&admin, json!({ "type": "access" })).await;
    let entries: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let probes = entries.iter().filter(|entry| text(entry, "request_id").starts_with("probe-")).count();
    assert_eq!(probes, 300);
    assert!(entries.iter().all(|entry| entry["type"] == "access"));
    let ids: Vec<&str> = entries.iter().map(|entry| text(entry, "id")).collect();
    assert_eq!(ids.iter().collect::<std::collections::HashSet<_>>().len(), ids.len(), "each is there once");

    let csv = export(&admin, json!({ "type": "worker", "format": "csv", "level": "INFO" })).await;
    assert!(csv.starts_with("id,time,type,level,message,") && csv.contains(text(&job, "job_id")), "{csv}");
    assert_eq!(export(&admin, json!({ "type": "all", "to": "2001-01-01" })).await, "");
    // The original's names, in the body and in the query.
    assert_eq!(export(&admin, json!({ "log_types": ["app", "access"], "end_date": "2001-01-01" })).await, "");
    let by_query = "/api/v1/logs/export?start_date=2001-01-01&end_date=2001-01-02&log_types=app&log_types=access";
    let answer = admin.request(Method::POST, by_query).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.text().await.unwrap().as_str()), (200, ""));
    let all = export(&admin, json!({})).await;
    for secret in [USER, ADMIN, token] {
        assert!(!all.contains(secret), "a secret is in the log");
    }

    // The same entries, page by page.
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = admin.json(&format!("/api/v1/logs?type=access&limit=70&q=probe-{cursor}")).await.unwrap();
        seen.extend(list(&page, "entries").iter().map(|entry| text(entry, "request_id").to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let expected: Vec<String> = (0..300).rev().map(|n| format!("probe-{n}")).collect();
    assert_eq!(seen, expected, "newest first, each once");
}

#[tokio::test(flavor = "multi_thread")]
async fn rotation_and_cleanup_do_what_they_say() {
    let product = start();
    let (user, admin) = (product.client_with_key(USER).unwrap(), product.client_with_key(ADMIN).unwrap());
    let job = run_job(&user, "chair.jpg", "old-entry").await;
    let path = format!("/api/v1/logs?job_id={}&type=worker", text(&job, "job_id"));
    let before = admin
        .until(&path, |found| list(found, "entries").iter().any(|e| e["message"] == "a model is done"))
        .await
        .unwrap();

    let (status, rotated) = call(&admin, Method::POST, "/api/v1/logs/rotate", json!({})).await;
    assert_eq!(status, 200, "{rotated}");
    let worker = list(&rotated, "rotated").iter().find(|one| one["type"] == "worker").unwrap();
    assert!(worker["entries"].as_u64() >= before["count"].as_u64(), "{worker}");
    assert!(list(&rotated, "rotated").iter().all(|one| one["type"] != "audit"));
    let types = admin.json("/api/v1/logs/types").await.unwrap();
    let described = list(&types, "types").iter().find(|one| one["type"] == "worker").unwrap();
    assert_eq!(list(described, "generations")[0]["generation"], worker["generation"]);
    assert!(described["bytes"].as_u64() > Some(0) && described["first"].is_string());
    assert_eq!(admin.json(&path).await.unwrap()["count"], before["count"], "what was rotated is still read");

    let cleanup = "/api/v1/logs/cleanup?type=worker&older_than_days=0";
    let (_, dry) = call(&admin, Method::DELETE, &format!("{cleanup}&dry_run=true"), json!({})).await;
    assert!(dry["deleted_entries"].as_u64() >= before["count"].as_u64(), "{dry}");
    assert_eq!(admin.json(&path).await.unwrap()["count"], before["count"], "a dry run removes nothing");
    let (_, real) = call(&admin, Method::DELETE, cleanup, json!({})).await;
    assert_eq!((&real["dry_run"], &real["more"]), (&json!(false), &json!(false)));
    assert_eq!(admin.json(&path).await.unwrap()["count"], 0);

    // All of it may go but the audit log, which tells of it.
    call(&admin, Method::DELETE, "/api/v1/logs/cleanup?older_than_days=0", json!({})).await;
    let audit = admin.json("/api/v1/logs?type=audit").await.unwrap();
    let routes: Vec<&str> = list(&audit, "entries").iter().map(|entry| text(&entry["fields"], "route")).collect();
    assert!(routes.contains(&"/api/v1/logs/rotate") && routes.contains(&"/api/v1/logs/cleanup"), "{routes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_admin_call_is_audited_and_bad_questions_are_explained() {
    let product = start();
    let (user, admin) = (product.client_with_key(USER).unwrap(), product.client_with_key(ADMIN).unwrap());
    let nobody = product.client().unwrap();
    for (caller, id) in [(&user, "as-user"), (&nobody, "as-nobody"), (&admin, "as-admin")] {
        let info = caller.request(Method::GET, "/api/v1/admin/system-info").header("x-request-id", id);
        info.send().await.unwrap();
    }
    let order = admin.request(Method::POST, "/api/v1/admin/cleanup").header("x-request-id", "a-write");
    let order = order.json(&json!({ "older_than_hours": 5, "dry_run": true })).send().await.unwrap();
    assert_eq!(order.status(), 200);

    let audit = admin.json("/api/v1/logs?type=audit&limit=50").await.unwrap();
    let entry = |id: &str| list(&audit, "entries").iter().find(|entry| entry["request_id"] == id).cloned().unwrap();
    let said = |id: &str| {
        let fields = entry(id)["fields"].clone();
        (text(&fields, "outcome").to_owned(), fields["status"].clone(), text(&fields, "role").to_owned())
    };
    assert_eq!(said("as-user"), ("refused".into(), json!(403), "refused".into()));
    assert_eq!(said("as-nobody"), ("refused".into(), json!(403), "refused".into()));
    assert_eq!(said("as-admin"), ("done".into(), json!(200), "admin".into()));
    assert_eq!(said("a-write").0, "done");
    assert_eq!(entry("a-write")["fields"]["asked"]["older_than_hours"], 5.0);
    assert_eq!(entry("as-nobody")["fields"]["caller"], "anonymous");
    let caller = |id: &str| text(&entry(id)["fields"], "caller").to_owned();
    assert!(caller("as-admin").starts_with("key:") && caller("as-user") != caller("as-admin"));
    assert_eq!(text(&entry("as-user")["fields"], "error_code"), "INVALID_ADMIN_API_KEY");
    assert_eq!(text(&entry("as-admin")["fields"], "address"), "127.0.0.1");

    for (question, field) in [
        ("/api/v1/logs?type=apache", "type"),
        ("/api/v1/logs?level=loud", "level"),
        ("/api/v1/logs?limit=501", "limit"),
        ("/api/v1/logs?cursor=x", "cursor"),
        ("/api/v1/logs?job_id=a%20b", "job_id"),
        ("/api/v1/logs?from=yesterday", "from"),
        ("/api/v1/logs/analyze?hours=0", "hours"),
        ("/api/v1/logs/analyze?hours_back=0", "hours_back"),
        ("/api/v1/logs/statistics?hours=9999", "hours"),
        ("/api/v1/logs/summary/daily?date=2026-02-30", "date"),
    ] {
        let answer = admin.get(question).await.unwrap();
        assert_eq!(answer.status(), 422, "{question}");
        let problem: Value = answer.json().await.unwrap();
        assert_eq!((text(&problem, "error_code"), text(&problem["details"], "field")), ("VALIDATION_ERROR", field));
        assert!(text(&problem, "message").starts_with(field), "{problem}");
        assert_eq!(user.get(question).await.unwrap().status(), 403);
    }
    for (method, path, body) in [
        (Method::POST, "/api/v1/logs/rotate", json!({ "type": "audit" })),
        (Method::POST, "/api/v1/logs/export", json!({ "format": "xml" })),
        (Method::POST, "/api/v1/logs/export", json!({ "since": "2026-11-20" })),
        (Method::POST, "/api/v1/logs/rotate", json!({ "log_type": "worker" })),
        (Method::DELETE, "/api/v1/logs/cleanup?older_than_days=-1", json!({})),
        (Method::DELETE, "/api/v1/logs/cleanup?older_than_days=0&dryRun=true", json!({})),
        (Method::DELETE, "/api/v1/logs/cleanup?older_than_days=0&dry_run=false&dry_run=true", json!({})),
        (Method::DELETE, "/api/v1/logs/cleanup?older_than_days=0", json!({ "dry_run": true })),
    ] {
        assert_eq!(call(&admin, method.clone(), path, body.clone()).await.0, 422, "{path}");
        assert_eq!(call(&nobody, method, path, body).await.0, 403, "{path}");
    }
    assert_eq!(nobody.get("/api/v1/logs/nothing").await.unwrap().status(), 404);
    assert_eq!(call(&admin, Method::PUT, "/api/v1/logs/types/", json!({})).await.0, 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_away_harms_no_request_and_loses_only_what_is_counted() {
    let mut redis = Redis::start_with(&["--appendfsync", "always"]).unwrap();
    let product = Product::setup().with("REDIS_URL", redis.url()).start().unwrap();
    let client = product.client().unwrap();
    client.until("/api/v1/logs/health", |health| health["status"] == "healthy").await.unwrap();

    redis.process().stop(Duration::from_secs(20)).unwrap();
    for n in 0..100 {
        let request = client.request(Method::GET, "/nowhere.txt").header("x-request-id", format!("meanwhile-{n}"));
        assert_eq!(request.send().await.unwrap().status(), 404, "pages need no Redis");
    }
    assert_eq!(client.get("/api/v1/logs/types").await.unwrap().status(), 503);

    redis.start_again().unwrap();
    // Redis may still be reading its file.
    while client.get("/api/v1/logs/types").await.unwrap().status() == 503 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let found = client
        .until("/api/v1/logs?type=access&q=meanwhile-&limit=500", |found| {
            list(found, "entries").iter().any(|entry| entry["request_id"] == "meanwhile-99")
        })
        .await
        .unwrap();
    let health = client.json("/api/v1/logs/health").await.unwrap();
    let lost = health["lost"]["by_writers"].as_u64().unwrap();
    let mut ids: Vec<&str> = list(&found, "entries").iter().map(|entry| text(entry, "request_id")).collect();
    ids.sort_unstable();
    ids.dedup();
    assert!(ids.len() as u64 + lost >= 100, "{} are there, {lost} are counted as lost", ids.len());
    drop(redis);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_off_says_so_and_the_audit_stays_in_the_log() {
    let mut product = Product::setup().with("LOG_STORE_MAX_ENTRIES", "0").with("ACCESS_LOG", "all").start().unwrap();
    let client = product.client().unwrap();
    let health = client.json("/api/v1/logs/health").await.unwrap();
    assert_eq!((text(&health, "status"), &health["sizes"]["count"]), ("off", &json!(0)));
    assert_eq!(client.json("/api/v1/logs").await.unwrap()["count"], 0);
    product.stop().unwrap();
    let said = product.process().said();
    assert!(said.contains("admin call") && said.contains("/api/v1/logs/health") && said.contains("request"), "{said}");
}
