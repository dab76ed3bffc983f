//! Components that the manifest names elsewhere: fetched, held against their digest, and kept for the next start.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use crate::harness::{App, guest};

/// Paths with what they answer, and how often anything was asked.
#[derive(Clone, Default)]
struct Shelf(Arc<(Mutex<Documents>, AtomicUsize)>);

type Documents = Vec<(String, Vec<u8>)>;

impl Shelf {
    /// Answers on a port of its own.
    async fn start(&self) -> String {
        async fn answer(State(shelf): State<Shelf>, request: Request) -> Response {
            shelf.0.1.fetch_add(1, Ordering::Relaxed);
            let documents = shelf.0.0.lock().unwrap();
            let found = documents.iter().find(|(path, _)| path == request.uri().path());
            found.map_or_else(|| StatusCode::NOT_FOUND.into_response(), |(_, bytes)| bytes.clone().into_response())
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let app = Router::new().fallback(answer).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        address
    }

    fn put(&self, path: String, bytes: &[u8]) {
        self.0.0.lock().unwrap().push((path, bytes.to_vec()));
    }

    fn asked(&self) -> usize {
        self.0.1.load(Ordering::Relaxed)
    }
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

fn app(source: &str) -> App {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let component =
        format!("[[trigger.http]]\nroute = \"/...\"\ncomponent = \"far\"\n[component.far]\nsource = {source}\n");
    let mut app = App::new().more(&component);
    app.cache = app.folder().join("cache");
    app
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_may_be_at_a_url_and_is_what_its_digest_says() {
    let (shelf, wasm) = (Shelf::default(), std::fs::read(guest("hello")).unwrap());
    let address = shelf.start().await;
    shelf.put("/hello.wasm".into(), &wasm);
    let source = |digest: &str| format!("{{ url = \"http://{address}/hello.wasm\", digest = \"{digest}\" }}");
    let error = app(&source(&digest(b"another"))).load().await.err().unwrap();
    let text = error.to_string();
    assert_eq!(error.code(), "COMPONENT_FETCH", "{text}");
    assert!(text.starts_with("line 9: component \"far\"") && text.contains(&digest(&wasm)), "{text}");
    let mut first = app(&source(&digest(&wasm)));
    let kept = tempfile::tempdir().unwrap();
    first.cache = kept.path().into();
    assert_eq!(first.start().await.get("/").await.text(), "hello");
    let before = shelf.asked();
    let mut second = app(&source(&digest(&wasm)));
    second.cache = kept.path().into();
    drop(second.load().await.unwrap());
    assert_eq!(shelf.asked(), before, "it was fetched again");
}

/// The registry has to be there for the first start only.
#[tokio::test(flavor = "multi_thread")]
async fn an_image_of_a_registry_is_kept_for_the_next_start() {
    let (shelf, wasm) = (Shelf::default(), std::fs::read(guest("hello")).unwrap());
    let address = shelf.start().await;
    let layer = serde_json::json!({ "mediaType": "application/wasm", "digest": digest(&wasm), "size": wasm.len() });
    let image = serde_json::json!({ "schemaVersion": 2, "layers": [layer] }).to_string();
    shelf.put(format!("/v2/own/hello/manifests/{}", digest(image.as_bytes())), image.as_bytes());
    shelf.put(format!("/v2/own/hello/blobs/{}", digest(&wasm)), &wasm);
    let source = |digest: &str| format!("{{ url = \"oci://{address}/own/hello@{digest}\" }}");
    let kept = tempfile::tempdir().unwrap();
    let start = |digest: &str| {
        let mut app = app(&source(digest));
        app.cache = kept.path().into();
        app
    };
    drop(start(&digest(image.as_bytes())).load().await.unwrap());
    shelf.0.0.lock().unwrap().clear();
    assert_eq!(start(&digest(image.as_bytes())).start().await.get("/").await.text(), "hello");
    let error = start(&digest(b"another image")).load().await.err().unwrap().to_string();
    assert!(error.contains("404"), "another image was taken for it: {error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_may_be_a_package_of_a_registry() {
    let (shelf, wasm) = (Shelf::default(), std::fs::read(guest("hello")).unwrap());
    let address = shelf.start().await;
    let registry = serde_json::json!({
        "preferredProtocol": "oci",
        "oci": { "registry": address, "namespacePrefix": "packages/" },
    });
    shelf.put("/.well-known/wasm-pkg/registry.json".into(), registry.to_string().as_bytes());
    let layer = serde_json::json!({ "mediaType": "application/wasm", "digest": digest(&wasm), "size": wasm.len() });
    let image = serde_json::json!({ "schemaVersion": 2, "layers": [layer] });
    shelf.put("/v2/packages/own/hello/manifests/1.2.3_5".into(), image.to_string().as_bytes());
    shelf.put(format!("/v2/packages/own/hello/blobs/{}", digest(&wasm)), &wasm);
    let source =
        |version: &str| format!("{{ registry = \"{address}\", package = \"own:hello\", version = \"{version}\" }}");
    assert_eq!(app(&source("1.2.3+5")).start().await.get("/").await.text(), "hello");
    let error = app(&source("1.2.4")).load().await.err().unwrap().to_string();
    assert!(error.starts_with("line 9: ") && error.contains("own:hello@1.2.4") && error.contains("404"), "{error}");
}
