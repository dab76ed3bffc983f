//! Hosts, workers and components are shown as they are; nobody without the admin key sees any of it.

use image2model_tests::Product;
use image2model_tests::tables::route_tables;
use reqwest::Method;
use serde_json::json;

use super::{named, send};

/// Method and path of every route that asks for the admin key. What a path names does not exist, but for a queue and a
/// component that every host has.
fn admin_routes() -> Vec<(Method, String)> {
    let path = |pattern: &str| {
        let known = pattern.replace("queues/:name", "queues/maintenance").replace("components/:id", "components/admin");
        let segments = known.replace("dead-letters/:id", "dead-letters/1-0");
        let filled = segments
            .split('/')
            .map(|part| if part.starts_with(':') { "0123456789abcdef0123456789abcdef" } else { part });
        filled.collect::<Vec<_>>().join("/")
    };
    let lines = route_tables().unwrap().into_iter().filter(|line| line.level == "Admin");
    lines.map(|line| (line.method.parse().unwrap(), path(&line.pattern))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_admin_route_asks_for_the_admin_key() {
    let setup =
        Product::setup().with("API_KEY", "the-users-key-0123456789").with("ADMIN_API_KEY", "the-admins-key-0123");
    let product = setup.with("RATE_LIMIT_WRONG_KEYS_PER_MINUTE", "100000").start().unwrap();
    let (nobody, user) = (product.client().unwrap(), product.client_with_key("the-users-key-0123456789").unwrap());
    let admin = product.client_with_key("the-admins-key-0123").unwrap();
    let routes = admin_routes();
    for part in ["/admin/keys", "/admin/system-info", "/cancel", "/logs/statistics", "/logs/export"] {
        assert!(routes.iter().any(|(_, path)| path.contains(part)), "{part} is not among them: {routes:?}");
    }
    for (method, path) in routes {
        for path in [path.clone(), format!("{path}/")] {
            for (client, code) in [(&nobody, "NOT_AUTHENTICATED"), (&user, "INVALID_ADMIN_API_KEY")] {
                let (status, answer) = send(client, method.clone(), &path).await;
                assert_eq!((status, &answer["error_code"]), (403, &json!(code)), "{method} {path}");
            }
        }
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
    let info = client
        .until("/api/v1/admin/system-info", |info| {
            let components = info["components"]["components"].as_array();
            components.is_some_and(|all| all.iter().any(|c| c["id"] == "admin" && c["requests"].as_u64() > Some(1)))
        })
        .await
        .unwrap();
    let host = &info["hosts"][0];
    assert_eq!((&host["role"], &info["hosts_message"]), (&json!("up"), &json!(null)));
    assert!(host["process"]["memory_bytes"].as_u64() > Some(1 << 20), "{host}");
    assert_eq!((&info["workers"][0]["id"], &info["components"]["owner"]), (&host["id"], &json!("image2model")));
    let logs = client.json("/api/v1/logs/health").await.unwrap();
    assert_eq!(logs["writers"][0]["id"], host["id"], "a process has one name");
    let components = &info["components"]["components"];
    let admin = named(components, "id", "admin");
    assert_eq!((&admin["kind"], &admin["errors"]), (&json!("endpoint"), &json!(0)));
    assert!(admin["digest"].as_str().is_some_and(|d| d.starts_with("sha256:") && d.len() == 71), "{admin}");
    assert!(admin["memory_bytes"].as_u64() > Some(1 << 16), "{admin}");
    let guard = named(components, "id", "guard");
    assert!(guard["used_by"].as_array().unwrap().contains(&json!("admin")), "{guard}");
    assert_eq!((&info["fal"]["mode"], &info["fal"]["breaker"]), (&json!("simulated"), &json!("closed")));
    assert_eq!(info["redis"]["safe_for_jobs"], true);
}
