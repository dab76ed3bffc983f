//! Behind nginx, by the configuration that is shipped: events one by one, large uploads, ranges, addresses of clients.

use std::time::{Duration, Instant};

use futures::StreamExt;
use image2model_tests::client::{Upload, text};
use image2model_tests::nginx::Nginx;
use image2model_tests::process::root;
use image2model_tests::{Product, photo};
use serde_json::Value;

/// The shipped files in front of a product.
fn before(product: &Product) -> Nginx {
    let upstreams = std::fs::read_to_string(root().join("deploy/proxy/upstreams.conf")).unwrap();
    assert_eq!(upstreams.matches("server 127.0.0.1:3000;").count(), 2);
    let behind = product.url().trim_start_matches("http://");
    let upstreams = upstreams.replace("server 127.0.0.1:3000;", &format!("server {behind};"));
    Nginx::start(&upstreams).expect("nginx is needed; run `cargo xtask test`")
}

#[tokio::test(flavor = "multi_thread")]
async fn events_leave_nginx_one_by_one_and_resume() {
    let product = Product::setup().with("FAL_SIM_SPEED", "5").start().unwrap();
    let nginx = before(&product);
    let client = nginx.client(None).unwrap();
    let photograph = Upload::new("chair.jpg", photo::jpeg(320, 240, 1).unwrap());
    let job = text(&client.upload(&[photograph], &[]).await.unwrap(), "job_id").to_owned();
    let path = format!("/api/v1/status/stream/{job}");
    let response = client.request(reqwest::Method::GET, &path).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let (mut chunks, mut came, mut all) = (response.bytes_stream(), Vec::new(), String::new());
    while let Some(chunk) = chunks.next().await {
        all += &String::from_utf8_lossy(&chunk.unwrap());
        came.push(Instant::now());
    }
    // Buffered, they would have come together at the end.
    let spread = came.last().unwrap().duration_since(came[0]);
    assert!(came.len() > 3 && spread > Duration::from_secs(1), "{} pieces within {spread:?}", came.len());
    let ids: Vec<&str> = all.lines().filter_map(|line| line.strip_prefix("id: ")).collect();
    let resumed = client.request(reqwest::Method::GET, &path).header("last-event-id", ids[1]).send().await.unwrap();
    let rest = resumed.text().await.unwrap();
    let again: Vec<&str> = rest.lines().filter_map(|line| line.strip_prefix("id: ")).collect();
    assert_eq!(again, &ids[2..], "after {}", ids[1]);
    let seen = client.request(reqwest::Method::GET, &path).header("last-event-id", *ids.last().unwrap());
    assert_eq!(seen.send().await.unwrap().status(), 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_ranges_and_refusals_come_through_nginx() {
    let product = Product::setup().with("TRUSTED_PROXIES", "127.0.0.1").start().unwrap();
    let nginx = before(&product);
    let client = nginx.client(None).unwrap();
    // Larger together than what nginx takes without being told to.
    let large: Vec<Upload> =
        (1..=3).map(|n| Upload::new(&format!("{n}.jpg"), photo::jpeg(4000, 3000, n).unwrap())).collect();
    assert!(large.iter().map(|photo| photo.bytes.len()).sum::<usize>() > 3 << 19);
    let job = client.upload(&large, &[]).await.unwrap();
    let ended = client.ended(text(&job, "job_id")).await.unwrap();
    assert_eq!(ended["status"], "completed", "{ended}");
    let model = text(&ended["files"][0], "download_url").to_owned();
    let whole = client.request(reqwest::Method::GET, &format!("{model}?stream=1")).send().await.unwrap();
    let whole = whole.bytes().await.unwrap();
    let part = client.request(reqwest::Method::GET, &format!("{model}?stream=1")).header("range", "bytes=100-");
    let part = part.send().await.unwrap();
    assert_eq!(part.status(), 206);
    assert_eq!(part.bytes().await.unwrap(), whole.slice(100..));
    // Whoever ends TLS in front of it is believed, too.
    for (scheme, told) in [(None, false), (Some("http"), false), (Some("https"), true), (Some("https,http"), true)] {
        let mut ask = client.request(reqwest::Method::GET, "/");
        ask = scheme.into_iter().fold(ask, |ask, scheme| ask.header("x-forwarded-proto", scheme));
        let answer = ask.send().await.unwrap();
        assert_eq!(answer.headers().contains_key("strict-transport-security"), told, "{scheme:?}");
    }
    let refused = client.post_upload(&[Upload::new("a.jpg", "no image")], &[]).await.unwrap();
    assert_eq!(refused.status(), 400);
    let problem: Value = refused.json().await.unwrap();
    assert_eq!(problem["error_code"], "FILE_VALIDATION_ERROR");
}
