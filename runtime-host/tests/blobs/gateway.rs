//! The blob gateway over real connections and a real folder.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use http::HeaderMap;
use image2model_host::blobs::gateway::{Chunks, Elsewhere, ElsewhereError, Gateway, GatewayConfig};
use image2model_host::blobs::{Area, Blobs, FreeSpace};
use reqwest::{Client, Method, RequestBuilder};
use tokio_util::sync::{CancellationToken, DropGuard};

const JOB: &str = "0123456789abcdef0123456789abcdef";
const TOKEN: &str = "a-token";
const MAX: u64 = 4 * 1024 * 1024;

struct Running {
    dir: tempfile::TempDir,
    blobs: Blobs,
    address: SocketAddr,
    client: Client,
    _stop: DropGuard,
}

impl Running {
    async fn start() -> Self {
        Self::start_with(FreeSpace::Bytes(0)).await
    }

    async fn start_with(min_free: FreeSpace) -> Self {
        // No TLS is spoken here, but the client wants to know which it would be.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::local(&dir.path().join("uploads"), &dir.path().join("results")).unwrap();
        let elsewhere = Arc::new(Shelf);
        let listen = ([127, 0, 0, 1], 0).into();
        let config = GatewayConfig { listen, token: TOKEN.into(), max_bytes: MAX, min_free, elsewhere };
        let gateway = Gateway::bind(blobs.clone(), config).await.unwrap();
        let (address, stop) = (gateway.address(), CancellationToken::new());
        tokio::spawn(gateway.run(stop.clone()));
        Self { dir, blobs, address, client: Client::new(), _stop: stop.drop_guard() }
    }

    fn request(&self, method: Method, key: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}/{key}", self.address)).bearer_auth(TOKEN)
    }

    async fn put(&self, key: &str, body: impl Into<reqwest::Body>) -> u16 {
        self.request(Method::PUT, key).body(body).send().await.unwrap().status().as_u16()
    }

    fn files(&self) -> Vec<String> {
        fn walk(dir: &Path, into: &mut Vec<String>) {
            for entry in std::fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { walk(&path, into) } else { into.push(path.display().to_string()) }
            }
        }
        let mut files = Vec::new();
        walk(self.dir.path(), &mut files);
        files
    }
}

/// A provider that keeps one file, and says so in every header.
struct Shelf;

#[async_trait]
impl Elsewhere for Shelf {
    async fn open(
        &self,
        method: Method,
        url: &str,
        headers: HeaderMap,
    ) -> Result<http::Response<Chunks>, ElsewhereError> {
        match url {
            "https://files.example/a.glb?x=1&y=2" => {
                let asked = headers.get("range").and_then(|range| range.to_str().ok()).unwrap_or("nothing").to_owned();
                assert!(!headers.contains_key("authorization"), "the gateway's token goes nowhere else");
                let chunks = futures::stream::iter([Ok(Bytes::from(format!("{method} {asked}")))]).boxed();
                let answer = http::Response::builder().status(206).header("etag", "\"a\"").header("set-cookie", "a=b");
                Ok(answer.body(chunks).unwrap())
            }
            "https://files.example/away" => Err(ElsewhereError::Away("no route".to_owned())),
            other => Err(ElsewhereError::Forbidden(other.to_owned())),
        }
    }
}

fn key(name: &str) -> String {
    format!("uploads/{JOB}/{name}")
}

#[tokio::test]
async fn what_is_put_is_read_whole_in_parts_and_conditionally() {
    let running = Running::start().await;
    let body: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();
    let pieces: Vec<_> = body.chunks(10_000).map(|c| Ok::<_, std::io::Error>(Bytes::copy_from_slice(c))).collect();
    let stored = running.request(Method::PUT, &key("a_original.jpg"));
    let stored = stored.body(reqwest::Body::wrap_stream(futures::stream::iter(pieces))).send().await.unwrap();
    assert_eq!(stored.status(), 201);
    assert_eq!(stored.text().await.unwrap(), r#"{"size":1000000}"#);
    assert!(running.dir.path().join(key("a_original.jpg")).is_file(), "the seeds' folders");

    let whole = running.request(Method::GET, &key("a_original.jpg")).send().await.unwrap();
    let header = |name: &str| whole.headers()[name].to_str().unwrap().to_owned();
    assert_eq!((header("content-type"), header("content-length")), ("image/jpeg".into(), "1000000".into()));
    let (etag, modified) = (header("etag"), header("last-modified"));
    assert_eq!(whole.bytes().await.unwrap(), body);

    let get = |name: &'static str, value: &str| {
        running.request(Method::GET, &key("a_original.jpg")).header(name, value).send()
    };
    let part = get("range", "bytes=10-19").await.unwrap();
    assert_eq!(
        (part.status().as_u16(), part.headers()["content-range"].to_str().unwrap()),
        (206, "bytes 10-19/1000000")
    );
    assert_eq!(part.bytes().await.unwrap(), body[10..20]);
    let beyond = get("range", "bytes=1000000-").await.unwrap();
    assert_eq!(
        (beyond.status().as_u16(), beyond.headers()["content-range"].to_str().unwrap()),
        (416, "bytes */1000000")
    );
    assert_eq!(get("if-none-match", &etag).await.unwrap().status(), 304);
    assert_eq!(get("if-modified-since", &modified).await.unwrap().status(), 304);
    let other_version = get("range", "bytes=0-1").await.unwrap();
    assert_eq!(other_version.status(), 206);

    let head = running.request(Method::HEAD, &key("a_original.jpg")).send().await.unwrap();
    assert_eq!((head.status().as_u16(), head.headers()["content-length"].to_str().unwrap()), (200, "1000000"));
    assert_eq!(running.request(Method::HEAD, &key("b.jpg")).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn below_the_watermark_uploads_are_refused_and_results_are_not() {
    let running = Running::start_with(FreeSpace::Bytes(u64::MAX)).await;
    let refused = running.request(Method::PUT, &key("a.jpg")).body("x").send().await.unwrap();
    assert_eq!(refused.status(), 507);
    assert_eq!(refused.text().await.unwrap(), r#"{"error_code":"BLOB_STORE_FULL"}"#);
    assert!(running.files().is_empty());
    assert_eq!(running.put(&format!("results/{JOB}/a_model.glb"), "x").await, 201);
    let health = running.request(Method::GET, "health").send().await.unwrap();
    let health: serde_json::Value = serde_json::from_str(&health.text().await.unwrap()).unwrap();
    assert_eq!(
        (&health["disk"]["takes_uploads"], &health["disk"]["min_free_bytes"]),
        (&false.into(), &u64::MAX.into())
    );

    let free = running.blobs.disk().unwrap().free_bytes;
    let running = Running::start_with(FreeSpace::Bytes(free / 2)).await;
    assert_eq!(running.put(&key("a.jpg"), "x").await, 201);
}

#[tokio::test]
async fn what_the_provider_keeps_is_passed_through() {
    let running = Running::start().await;
    let path = "elsewhere?url=https%3A%2F%2Ffiles.example%2Fa.glb%3Fx%3D1%26y%3D2";
    let part = running.request(Method::GET, path).header("range", "bytes=1-").send().await.unwrap();
    assert_eq!((part.status().as_u16(), part.headers()["etag"].to_str().unwrap()), (206, "\"a\""));
    assert!(!part.headers().contains_key("set-cookie"), "only what is known goes through");
    assert_eq!(part.text().await.unwrap(), "GET bytes=1-");
    assert_eq!(
        running.request(Method::GET, "elsewhere?url=https%3A%2F%2Ffiles.example%2Faway").send().await.unwrap().status(),
        502
    );
    for (method, path, status) in [
        (Method::GET, "elsewhere?url=file:///etc/passwd", 403),
        (Method::HEAD, "elsewhere", 403),
        (Method::DELETE, "elsewhere?url=x", 400),
    ] {
        assert_eq!(running.request(method, path).send().await.unwrap().status(), status, "{path}");
    }
    let url = format!("http://{}/{path}", running.address);
    assert_eq!(running.client.get(&url).send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn whether_it_lives_is_said_to_everybody_and_nothing_else() {
    let running = Running::start_with(FreeSpace::Bytes(u64::MAX)).await;
    let ask = async |path: &str| {
        let response = running.client.get(format!("http://{}{path}", running.address)).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    // Full as its disk is, it gives what it has.
    assert_eq!(ask("/health/live").await, (200, String::new()));
    assert_eq!(ask("/health/ready").await, (200, String::new()));
    assert_eq!(ask("/health/else").await.0, 401);
    assert_eq!(ask("/usage").await.0, 401);
}

#[tokio::test]
async fn nobody_comes_in_without_the_token_and_no_other_path_exists() {
    let running = Running::start().await;
    let url = format!("http://{}/{}", running.address, key("a.jpg"));
    assert_eq!(running.client.put(&url).body("x").send().await.unwrap().status(), 401);
    assert_eq!(running.client.get(&url).bearer_auth("other").send().await.unwrap().status(), 401);
    assert_eq!(running.client.get(format!("http://{}/health", running.address)).send().await.unwrap().status(), 401);
    for bad in [
        "etc/passwd",
        "uploads/x/a.jpg",
        &format!("uploads/{JOB}/..%2f..%2fa"),
        &format!("uploads/{JOB}/.a"),
        "uploads/",
    ] {
        assert_eq!(running.put(bad, "x").await, 400, "{bad}");
    }
    assert_eq!(running.request(Method::DELETE, "uploads/").send().await.unwrap().status(), 400);
    assert_eq!(running.request(Method::POST, &key("a.jpg")).send().await.unwrap().status(), 405);
    assert!(running.files().is_empty());
}

#[tokio::test]
async fn a_body_too_large_or_broken_off_leaves_nothing() {
    let running = Running::start().await;
    assert_eq!(running.put(&key("a.jpg"), vec![0; MAX as usize + 1]).await, 413);
    let endless = futures::stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(&[0; 65_536]))).take(100);
    let unannounced =
        running.request(Method::PUT, &key("b.jpg")).body(reqwest::Body::wrap_stream(endless)).send().await;
    // The answer may come before the body is through, and the client may see either.
    assert!(unannounced.map_or(true, |answer| answer.status() == 413));

    let mut socket = std::net::TcpStream::connect(running.address).unwrap();
    let head = format!(
        "PUT /{} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\ncontent-length: 1000000\r\n\r\n",
        key("c.jpg")
    );
    socket.write_all(head.as_bytes()).unwrap();
    socket.write_all(&[1; 500_000]).unwrap();
    until(|| running.files().iter().any(|file| file.contains("c.jpg"))).await;
    drop(socket);
    until(|| running.files().is_empty()).await;
}

#[tokio::test]
async fn a_jobs_folder_goes_at_once_and_says_what_it_freed() {
    let running = Running::start().await;
    for name in ["a.jpg", "b.jpg"] {
        assert_eq!(running.put(&key(name), "12345").await, 201);
    }
    let kept = format!("results/{JOB}/a_model.glb");
    assert_eq!(running.put(&kept, "glb").await, 201);
    assert_eq!(running.blobs.list(Area::Uploads).count().await, 2);
    let gone = running.request(Method::DELETE, &format!("uploads/{JOB}/")).send().await.unwrap();
    assert_eq!(gone.text().await.unwrap(), r#"{"deleted":2,"freed_bytes":10}"#);
    assert_eq!(running.files().len(), 1);
    assert_eq!(
        running.request(Method::DELETE, &kept).send().await.unwrap().text().await.unwrap(),
        r#"{"deleted":1,"freed_bytes":3}"#
    );
    assert!(running.files().is_empty());
}

#[tokio::test]
async fn health_tells_the_space_left() {
    let running = Running::start().await;
    let health = running.request(Method::GET, "health").send().await.unwrap().text().await.unwrap();
    let health: serde_json::Value = serde_json::from_str(&health).unwrap();
    assert_eq!(health["status"], "ok");
    let (free, total) =
        (health["disk"]["free_bytes"].as_u64().unwrap(), health["disk"]["total_bytes"].as_u64().unwrap());
    assert!(0 < free && free <= total);
}

/// Waits until it is so; a minute at most.
async fn until(so: impl Fn() -> bool) {
    tokio::time::timeout(Duration::from_secs(60), async {
        while !so() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .unwrap();
}
