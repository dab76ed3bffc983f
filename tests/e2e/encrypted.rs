//! The public port with TLS and with HTTP/2: the main job over one shared connection, streams side by side with one that
//! nobody reads, clients that offer neither, and handshakes that are none.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use image2model_tests::http2::{Certificate, Http2, json};
use image2model_tests::{Product, photo};
use serde_json::Value;

const BOUNDARY: &str = "----image2model";

fn form(name: &str) -> Bytes {
    let picture = photo::jpeg(96, 72, 1).unwrap();
    let head = format!(
        "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"files\"; filename=\"{name}\"\r\ncontent-type: image/jpeg\r\n\r\n"
    );
    Bytes::from([head.as_bytes(), &picture, format!("\r\n--{BOUNDARY}--\r\n").as_bytes()].concat())
}

/// Uploads, and answers the job's id.
async fn upload(client: &mut Http2, name: &str) -> String {
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    let answer = client.post("/api/v1/upload", &kind, form(name)).await.unwrap();
    assert_eq!(answer.status(), 200);
    json(answer).await.unwrap()["job_id"].as_str().unwrap().to_owned()
}

/// Follows a job's stream to its end; answers the data of its events.
async fn events(client: &mut Http2, job: &str) -> Vec<Value> {
    let answer = client.get(&format!("/api/v1/status/stream/{job}")).await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), answer.headers()["content-type"].to_str().unwrap()),
        (200, "text/event-stream")
    );
    assert!(!answer.headers().contains_key("connection"), "HTTP/2 has no such header");
    let text = answer.into_body().collect().await.unwrap().to_bytes();
    let text = String::from_utf8(text.to_vec()).unwrap();
    text.lines().filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok()).collect()
}

#[tokio::test]
async fn the_main_job_goes_over_one_encrypted_connection() {
    let certificate = Certificate::new().unwrap();
    let product = Product::setup()
        .with("TLS_CERT_FILE", certificate.file().display().to_string())
        .with("TLS_KEY_FILE", certificate.key().display().to_string())
        .start()
        .unwrap();
    // What is no handshake harms nobody, whether it goes on or not.
    let address = product.url().strip_prefix("https://").unwrap().to_owned();
    let mut plain = TcpStream::connect(&address).unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut said = Vec::new();
    let _ = plain.read_to_end(&mut said);
    assert!(!said.starts_with(b"HTTP/"), "it answered in the clear");
    let _silent = TcpStream::connect(&address).unwrap();

    let mut client = Http2::connect_encrypted(product.url(), &certificate).await.unwrap();
    let (one, two) = (upload(&mut client, "vase.jpg").await, upload(&mut client, "chair.jpg").await);
    let mut other = client.clone();
    let (first, second) = tokio::join!(events(&mut client, &one), events(&mut other, &two));
    for seen in [first, second] {
        let last = seen.last().unwrap();
        assert_eq!((&last["type"], &last["status"]), (&"job".into(), &"completed".into()), "{seen:?}");
    }
    let page = client.get("/index.html").await.unwrap();
    assert_eq!(page.status(), 200);
    assert!(page.headers().contains_key("strict-transport-security"), "the host knows of its own TLS");
    let page = page.into_body().collect().await.unwrap().to_bytes().to_ascii_lowercase();
    assert!(page.starts_with(b"<!doctype html>"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_encryption_http2_is_spoken_with_who_knows() {
    let mut product = Product::setup().start().unwrap();
    let mut client = Http2::connect(product.url()).await.unwrap();
    let job = upload(&mut client, "sim-slow.jpg").await;
    // Nobody reads this one: the others go on.
    let unread = client.get(&format!("/api/v1/status/stream/{job}")).await.unwrap();
    let done = upload(&mut client, "vase.jpg").await;
    assert_eq!(events(&mut client, &done).await.last().unwrap()["status"], "completed");
    assert_eq!(client.get("/api/v1/no/such/route").await.unwrap().status(), 404);
    // A stop tells the connection, sends the streams away and does not wait for ever.
    product.stop().unwrap();
    let left = tokio::time::timeout(Duration::from_secs(5), unread.into_body().collect()).await;
    let text = left.expect("the stream goes on after the stop").unwrap().to_bytes();
    assert!(text.starts_with(b"retry: "), "{text:?}");
}
