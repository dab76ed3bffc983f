//! Hosts, workers and components are shown as they are; nobody without the admin key sees any of it.

use image2model_tests::Product;
use reqwest::Method;
use serde_json::json;

use super::{named, send, until};

const ROUTES: [(&str, &str); 22] = [
    ("GET", "system-info"),
    ("GET", "system-health"),
    ("GET", "disk-usage"),
    ("GET", "list-files?directory=uploads"),
    ("POST", "cleanup"),
    ("POST", "cleanup-job"),
    ("DELETE", "delete-job/0123456789abcdef0123456789abcdef"),
    ("GET", "queues"),
    ("POST", "queues/maintenance/pause"),
    ("POST", "queues/maintenance/resume"),
    ("GET", "tasks"),
    ("GET", "tasks?state=dead"),
    ("POST", "tasks/0123456789abcdef0123456789abcdef/cancel"),
    ("POST", "dead-letters/1-0/replay"),
    ("DELETE", "dead-letters/1-0"),
    ("GET", "jobs"),
    ("GET", "jobs/0123456789abcdef0123456789abcdef"),
    ("GET", "components"),
    ("POST", "components/admin/swap"),
    ("POST", "components/admin/rollback"),
    ("POST", "components/admin/canary"),
    ("GET", "jobs/"),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_admin_route_asks_for_the_admin_key() {
    let product = Product::setup()
        .with("API_KEY", "the-users-key-0123456789")
        .with("ADMIN_API_KEY", "the-admins-key-0123456789")
        .start()
        .unwrap();
    let (nobody, user) = (product.client().unwrap(), product.client_with_key("the-users-key-0123456789").unwrap());
    let admin = product.client_with_key("the-admins-key-0123456789").unwrap();
    for (method, path) in ROUTES {
        let (method, path) = (Method::from_bytes(method.as_bytes()).unwrap(), format!("/api/v1/admin/{path}"));
        assert_eq!(send(&nobody, method.clone(), &path).await.0, 403, "{method} {path} without a key");
        // Tried often, a key that does not fit is turned away before it is looked at.
        let with_users = send(&user, method.clone(), &path).await.0;
        assert!(matches!(with_users, 403 | 429), "{method} {path} with a user's key: {with_users}");
        let (status, answer) = send(&admin, method.clone(), &path).await;
        assert!(![403, 405, 500, 502, 503].contains(&status), "{method} {path}: {status} {answer}");
        assert!(status != 404 || answer["error_code"] != "HTTP_404", "{method} {path} is no route: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_workers_and_components_are_shown() {
    let product = Product::setup().start().unwrap();
    let client = product.client().unwrap();
    // The sign of life is written every five seconds; then it counts what was asked above.
    let info = until(&client, "/api/v1/admin/system-info", |info| {
        let components = info["components"]["components"].as_array();
        components.is_some_and(|all| all.iter().any(|c| c["id"] == "admin" && c["requests"].as_u64() > Some(1)))
    })
    .await;
    let host = &info["hosts"][0];
    assert_eq!((&host["role"], &info["hosts_message"]), (&json!("up"), &json!(null)));
    assert!(host["process"]["memory_bytes"].as_u64() > Some(1 << 20), "{host}");
    assert_eq!((&info["workers"][0]["id"], &info["components"]["owner"]), (&host["id"], &json!("image2model")));
    let components = &info["components"]["components"];
    let admin = named(components, "id", "admin");
    assert_eq!((&admin["kind"], &admin["errors"]), (&json!("endpoint"), &json!(0)));
    assert!(admin["digest"].as_str().is_some_and(|d| d.starts_with("sha256:") && d.len() == 71), "{admin}");
    assert!(admin["memory_bytes"].as_u64() > Some(1 << 16), "{admin}");
    let guard = named(components, "id", "guard");
    assert!(guard["used_by"].as_array().unwrap().contains(&json!("admin")), "{guard}");
    assert_eq!((&info["fal"]["mode"], &info["fal"]["breaker"]), (&json!("simulated"), &json!("closed")));
    assert_eq!(info["redis"]["safe_for_jobs"], true);

    for (path, status, code) in [
        ("components/admin/swap", 501, "SWAP_NOT_SUPPORTED"),
        ("components/admin/canary", 501, "SWAP_NOT_SUPPORTED"),
        ("components/nothing/rollback", 404, "COMPONENT_NOT_FOUND"),
    ] {
        let (answered, answer) = send(&client, Method::POST, &format!("/api/v1/admin/{path}")).await;
        assert_eq!((answered, &answer["error_code"]), (status, &json!(code)), "{path}");
    }
}
