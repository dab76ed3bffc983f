//! `?wait=`: the answer comes with the news, with the end, or when the time is over.

use std::time::Duration;

use image2model_tests::client::text;
use image2model_tests::{Client, Product};
use reqwest::{Method, Response};
use serde_json::Value;

use super::{header, photograph};

/// A wait that is answered by news ends long before this; one that is not ends at 30 s.
const SOON: Duration = Duration::from_secs(20);

async fn wait(client: &Client, path: &str, known: &str) -> Response {
    let request = client.request(Method::GET, path).header("if-none-match", known);
    tokio::time::timeout(SOON, request.send()).await.expect("the news came late").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn news_ends_the_wait() {
    let product = Product::setup().start().unwrap();
    let client = product.client().unwrap();
    let job = client.upload(&[photograph("sim-slow.jpg", 1)], &[]).await.unwrap();
    let paths =
        [format!("/api/v1/status/{}", text(&job, "job_id")), format!("/api/v1/status/tasks/{}", text(&job, "task_id"))];
    for path in &paths {
        // The version that the client has decides; without one, the present state.
        let old = client.get(path).await.unwrap();
        let newer = wait(&client, &format!("{path}?wait=30"), &header(&old, "etag")).await;
        assert_eq!(newer.status(), 200);
        assert_ne!(header(&newer, "etag"), header(&old, "etag"));
        assert_eq!(wait(&client, &format!("{path}?wait=30"), "\"another\"").await.status(), 200);
        let before = client.json(path).await.unwrap();
        let after = tokio::time::timeout(SOON, client.json(&format!("{path}?wait=30"))).await.unwrap().unwrap();
        assert_ne!(before, after);
    }
    let path = &paths[0];
    let cancel = format!("/api/v1/jobs/{}", text(&job, "job_id"));
    assert_eq!(client.request(Method::DELETE, &cancel).send().await.unwrap().status(), 202);
    let ended = client.ended(text(&job, "job_id")).await.unwrap();
    assert_eq!(ended["status"], "cancelled");

    // What has ended has no more news.
    let last = client.get(path).await.unwrap();
    assert_eq!(wait(&client, &format!("{path}?wait=30"), &header(&last, "etag")).await.status(), 304);
    assert_eq!(wait(&client, &format!("{path}?wait=30"), "\"x\"").await.status(), 200);
}

/// Every name that a status has.
fn names_of(job: &Value) -> Vec<String> {
    let (id, task) = (text(job, "job_id"), text(job, "task_id"));
    let file_task = text(&job["files"][0], "task_id");
    [
        format!("status/{id}"),
        format!("status/jobs/{id}"),
        format!("status/jobs/{id}/progress"),
        format!("models/job/{id}"),
        format!("status/tasks/{task}"),
        format!("status/tasks/{task}/status"),
        format!("status/tasks/{file_task}"),
        format!("status/tasks/{file_task}/status"),
    ]
    .map(|name| format!("/api/v1/{name}"))
    .into()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_name_of_a_status_waits_until_there_is_news() {
    let product = Product::setup().start().unwrap();
    let client = product.client().unwrap();
    let job = client.upload(&[photograph("a.jpg", 1)], &[("process", "false")]).await.unwrap();
    let mut waiting = Vec::new();
    for path in names_of(&job) {
        let now = client.get(&path).await.unwrap();
        let (status, etag) = (now.status(), header(&now, "etag"));
        assert_eq!(status, 200, "{path}");
        let refused = client.get(&format!("{path}?wait=soon")).await.unwrap();
        assert_eq!(refused.status(), 422, "{path}");
        assert_eq!(refused.json::<Value>().await.unwrap()["details"]["field"], "wait", "{path}");
        let client = client.clone();
        waiting.push(tokio::spawn(async move {
            let news = wait(&client, &format!("{path}?wait=30"), &etag).await;
            (path, etag, news.status().as_u16(), header(&news, "etag"))
        }));
    }
    // Nobody has been answered while nothing happened.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let answered: Vec<_> = waiting.iter().filter(|waiting| waiting.is_finished()).collect();
    assert!(answered.is_empty(), "{} did not wait", answered.len());
    let body = serde_json::json!({ "job_id": job["job_id"], "file_id": job["files"][0]["file_id"] });
    let made = client.request(Method::POST, "/api/v1/models/generate-single").json(&body).send().await.unwrap();
    assert_eq!(made.status(), 202);
    for answer in waiting {
        let (path, before, status, after) = answer.await.unwrap();
        assert_eq!(status, 200, "{path}");
        assert_ne!(before, after, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_news_the_wait_is_bounded() {
    let product = Product::setup().start().unwrap();
    let client = product.client().unwrap();
    let job = client.upload(&[photograph("a.jpg", 1)], &[("process", "false")]).await.unwrap();
    let path = format!("/api/v1/status/{}", text(&job, "job_id"));
    let now = client.get(&path).await.unwrap();
    let etag = header(&now, "etag");
    assert_eq!(wait(&client, &format!("{path}?wait=1"), &etag).await.status(), 304);
    let same: Value = client.json(&format!("{path}?wait=1")).await.unwrap();
    assert_eq!(same, now.json::<Value>().await.unwrap());
    for (bad, status) in [("soon", 422), ("-1", 422), ("", 422), ("0", 200)] {
        assert_eq!(client.get(&format!("{path}?wait={bad}")).await.unwrap().status(), status, "{bad}");
    }
    // The longest wait there is, longer asked for: answered, and not cut off by the host.
    let other_name = format!("/api/v1/models/job/{}", text(&job, "job_id"));
    let patient = async |path: &str| {
        let request = client.request(Method::GET, &format!("{path}?wait=86400")).header("if-none-match", &etag);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(tokio::join!(patient(&path), patient(&other_name)), (304, 304));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_holds_nothing_but_its_own_connection() {
    const WAITING: usize = 60;
    let mut product = Product::setup().start().unwrap();
    let client = product.client().unwrap();
    let job = client.upload(&[photograph("a.jpg", 1)], &[("process", "false")]).await.unwrap();
    let path = format!("/api/v1/status/{}", text(&job, "job_id"));
    let before = sockets(&mut product);
    let waiting: Vec<_> = (0..WAITING)
        .map(|_| {
            let (client, path) = (client.clone(), format!("{path}?wait=8"));
            tokio::spawn(async move { client.get(&path).await.unwrap().status().as_u16() })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(4)).await;
    let held = sockets(&mut product).saturating_sub(before);
    // The connection that was open before waits as well.
    assert!(held + 2 >= WAITING, "they do not wait: {held} connections");
    assert!(held <= WAITING + WAITING / 4, "{WAITING} that wait hold {held} connections");
    assert_eq!(client.get("/health").await.unwrap().status(), 200, "others are served meanwhile");
    for answer in waiting {
        assert_eq!(answer.await.unwrap(), 200);
    }
}

/// Sockets that the product has open.
fn sockets(product: &mut Product) -> usize {
    let fds = std::fs::read_dir(format!("/proc/{}/fd", product.process().id())).unwrap();
    let targets = fds.filter_map(|fd| std::fs::read_link(fd.ok()?.path()).ok());
    targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
}
