//! Components are exchanged through the admin routes and from a terminal, on every host of a fleet, and what was done is in
//! the audit log.

use std::path::PathBuf;
use std::process::Output;
use std::time::Duration;

use image2model_tests::client::{Client, text};
use image2model_tests::product::image2model;
use image2model_tests::{Fleet, process};
use reqwest::Method;
use serde_json::{Value, json};

use super::{named, post, send};

fn wasm(component: &str) -> PathBuf {
    process::root().join(format!("target/wasm32-wasip2/release/image2model_{component}.wasm"))
}

/// The same component as other bytes: with a section that nobody reads.
pub(super) fn another(component: &str) -> Vec<u8> {
    let mut bytes = std::fs::read(wasm(component)).unwrap();
    bytes.extend([0, 4, 3, b'n', b'e', b'w']);
    bytes
}

pub(super) fn terminal(url: &str, arguments: &[&str]) -> Output {
    let mut command = image2model().unwrap();
    command.args(["components"]).args(arguments).args(["--url", url]).output().unwrap()
}

pub(super) fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

pub(super) async fn component(client: &Client, id: &str) -> Value {
    let all = client.json("/api/v1/admin/components").await.unwrap();
    named(&all["components"], "id", id).clone()
}

/// The metrics say this before long: what was gathered for them is good for two seconds.
async fn counts(client: &Client, sample: &str) {
    let mut last = String::new();
    for _ in 0..100 {
        last = client.get("/metrics").await.unwrap().text().await.unwrap();
        if last.lines().any(|line| line == sample) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("no {sample} in\n{last}");
}

/// Every host says that it serves this.
pub(super) async fn everywhere(client: &Client, id: &str, digest: &str) {
    client
        .until("/api/v1/admin/components", |all| {
            let hosts = named(&all["components"], "id", id)["hosts"].as_array().unwrap().clone();
            hosts.len() == 2 && hosts.iter().all(|host| host["digest"] == digest)
        })
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_serves_another_release_and_goes_back() {
    let mut fleet = Fleet::setup().start().unwrap();
    // Two hours ahead of the other: it is Redis' clock that counts.
    fleet.add("serve", &[("IMAGE2MODEL_CLOCK_OFFSET_MS", "7200000")]).unwrap();
    let (url, client) = (fleet.hosts()[0].url().to_owned(), fleet.hosts()[1].client(None).unwrap());
    let both = |all: &Value| named(&all["components"], "id", "web")["hosts"].as_array().map(Vec::len) == Some(2);
    client.until("/api/v1/admin/components", both).await.unwrap();
    let before = component(&client, "web").await;
    let original = text(&before, "digest").to_owned();
    assert_eq!(
        (&before["rollout"]["revision"], text(&before["rollout"]["current"], "source")),
        (&json!(0), "manifest")
    );
    assert_eq!(text(&before["rollout"]["current"], "digest"), original);

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("web.wasm");
    std::fs::write(&file, another("web")).unwrap();
    let swap = terminal(&url, &["swap", "web", "--from", file.to_str().unwrap()]);
    assert_eq!(swap.status.code(), Some(0), "{}", said(&swap));
    let after = component(&client, "web").await;
    let digest = text(&after["rollout"]["current"], "digest").to_owned();
    assert_ne!(digest, original);
    assert_eq!(text(&after["rollout"]["last"], "outcome"), "serving");
    everywhere(&client, "web", &digest).await;
    assert_eq!(client.get("/").await.unwrap().status(), 200);
    let listed = said(&terminal(&url, &["list"]));
    assert!(listed.lines().any(|line| line.starts_with("web ") && line.contains("upload")), "{listed}");

    // A host that starts now serves what the fleet serves.
    fleet.add_serving(1).unwrap();
    let late = fleet.hosts()[2].client(None).unwrap();
    late.until("/api/v1/admin/components", |all| {
        let hosts = named(&all["components"], "id", "web")["hosts"].as_array().unwrap().clone();
        hosts.len() == 3 && hosts.iter().all(|host| host["digest"] == digest.as_str())
    })
    .await
    .unwrap();

    let refused = terminal(&url, &["swap", "web", "--from", wasm("media_inspector").to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("must export wasi:http/handler"), "{}", said(&refused));
    let (status, rolled) = send(&client, Method::POST, "/api/v1/admin/components/web/rollback").await;
    assert_eq!((status, text(&rolled, "outcome")), (200, "rolled_back"), "{rolled}");
    assert_eq!(text(&rolled["rollout"]["current"], "source"), "manifest");
    // Whoever saw what was before that does not undo it.
    let seen = after["rollout"]["last"]["change"].to_string();
    let (status, late) =
        send(&client, Method::POST, &format!("/api/v1/admin/components/web/rollback?last={seen}")).await;
    assert_eq!((status, &late["error_code"]), (409, &json!("COMPONENT_CHANGED")), "{late}");

    let log = client.json("/api/v1/logs?type=audit&limit=100").await.unwrap();
    let entries = log["entries"].as_array().unwrap();
    let ended =
        entries.iter().find(|entry| entry["message"] == "component change" && entry["fields"]["outcome"] == "serving");
    let ended = ended.unwrap_or_else(|| panic!("no end of the swap in {log}"));
    assert_eq!((&ended["fields"]["to"]["digest"], &ended["fields"]["action"]), (&json!(digest), &json!("swap")));
    assert!(entries.iter().any(|entry| entry["fields"]["outcome"] == "refused"), "{log}");
}

/// As after a guard that refuses everybody, whoever would take it back among them.
#[tokio::test(flavor = "multi_thread")]
async fn there_is_a_way_back_past_the_service() {
    let mut fleet = Fleet::setup().start().unwrap();
    let (url, client) = (fleet.hosts()[0].url().to_owned(), fleet.hosts()[0].client(None).unwrap());
    client.until("/api/v1/admin/components", |all| all["owner"] == "image2model").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("guard.wasm");
    std::fs::write(&file, another("guard")).unwrap();
    let swap = terminal(&url, &["swap", "guard", "--from", file.to_str().unwrap()]);
    assert_eq!(swap.status.code(), Some(0), "{}", said(&swap));
    let mut past = image2model().unwrap();
    past.args(["components", "rollback", "guard", "--in-redis"]).env("REDIS_URL", fleet.redis().url());
    let past = past.current_dir(folder.path()).output().unwrap();
    assert_eq!(past.status.code(), Some(0), "{}", said(&past));
    let back = |all: &Value| {
        let guard = named(&all["components"], "id", "guard");
        guard["rollout"]["current"]["source"] == "manifest" && guard["rollout"]["last"]["outcome"] == "rolled_back"
    };
    client.until("/api/v1/admin/components", back).await.unwrap();
    let log = client.json("/api/v1/logs?type=audit&limit=100").await.unwrap();
    let is_told = |entry: &Value| {
        let by = entry["fields"]["caller"].as_str().unwrap_or_default();
        by.starts_with("terminal of ") && entry["fields"]["outcome"] == "rolled_back"
    };
    assert!(log["entries"].as_array().unwrap().iter().any(is_told), "{log}");
    let forth = terminal(&url, &["rollback", "guard"]);
    assert_eq!(forth.status.code(), Some(0), "{}", said(&forth));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_written_down_is_waited_for_while_redis_is_silent() {
    let mut fleet = Fleet::setup().start().unwrap();
    let (url, client) = (fleet.hosts()[0].url().to_owned(), fleet.hosts()[0].client(None).unwrap());
    client.until("/api/v1/admin/components", |all| all["owner"] == "image2model").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("guard.wasm");
    // Compiled nowhere before, so that there is something to wait for.
    let never_seen = [&another("guard")[..], &[0, 12, 3, b'n', b'o', b'w'], &rand::random::<[u8; 8]>()].concat();
    std::fs::write(&file, never_seen).unwrap();
    let swap =
        tokio::task::spawn_blocking(move || terminal(&url, &["swap", "guard", "--from", file.to_str().unwrap()]));
    let prepared = |all: &Value| named(&all["components"], "id", "guard")["rollout"]["candidate"].is_object();
    client.until("/api/v1/admin/components", prepared).await.unwrap();
    fleet.redis().process().signal("STOP").unwrap();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    fleet.redis().process().signal("CONT").unwrap();
    let swap = swap.await.unwrap();
    assert_eq!(swap.status.code(), Some(0), "{}", said(&swap));
    assert_eq!(component(&client, "guard").await["rollout"]["last"]["outcome"], "serving");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guard_is_tried_on_some_callers_and_then_served() {
    let product = image2model_tests::Product::setup().start().unwrap();
    let client = product.client().unwrap();
    client.until("/api/v1/admin/components", |all| all["owner"] == "image2model").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("guard.wasm");
    std::fs::write(&file, another("guard")).unwrap();
    let canary = terminal(product.url(), &["canary", "guard", "--weight", "50", "--from", file.to_str().unwrap()]);
    assert_eq!(canary.status.code(), Some(0), "{}", said(&canary));
    assert!(said(&canary).contains("for 50 of 100 callers"), "{}", said(&canary));
    for _ in 0..20 {
        assert_eq!(client.get("/api/v1/jobs").await.unwrap().status(), 200);
    }
    let (status, heavier) = post(&client, "/api/v1/admin/components/guard/canary", &json!({ "weight": 90 })).await;
    assert_eq!((status, &heavier["rollout"]["canary"]["weight"]), (200, &json!(90)), "{heavier}");
    counts(&client, "image2model_component_trial_percent{component=\"guard\"} 90").await;
    let (status, served) = post(&client, "/api/v1/admin/components/guard/swap", &json!({})).await;
    assert_eq!((status, text(&served, "outcome"), &served["rollout"]["canary"]), (200, "serving", &json!(null)));
    counts(&client, "image2model_component_trial_percent{component=\"guard\"} 0").await;
    assert_eq!(client.get("/api/v1/jobs").await.unwrap().status(), 200);
    for (path, body, status, code) in [
        ("guard/swap", json!({}), 409, "NO_CANARY"),
        ("guard/canary", json!({ "weight": 100 }), 422, "VALIDATION_ERROR"),
        ("nothing/rollback", json!({}), 404, "COMPONENT_NOT_FOUND"),
    ] {
        let (answered, answer) = post(&client, &format!("/api/v1/admin/components/{path}"), &body).await;
        assert_eq!((answered, &answer["error_code"]), (status, &json!(code)), "{path}");
    }
}
