//! Where a key is configured, a host serves what was signed with it, whether it was sent or lies in a registry, and so does one
//! that starts later; and nothing else.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image2model_tests::Fleet;
use image2model_tests::client::{Client, text};
use rcgen::{KeyPair, SigningKey as _};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::components::{another, component, everywhere, said, terminal};
use super::named;

fn digest(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

fn signature(key: &KeyPair, bytes: &[u8]) -> String {
    STANDARD.encode(key.sign(bytes).unwrap())
}

/// A registry with one image in it, `o/x`, signed as `cosign sign --key` does. Answers how it is called.
async fn registry(component: Vec<u8>, key: &KeyPair) -> String {
    type Shelf = Arc<Vec<(String, Vec<u8>)>>;
    async fn answer(State(shelf): State<Shelf>, request: Request) -> Response {
        let found = shelf.iter().find(|(name, _)| request.uri().path() == format!("/v2/o/x/{name}"));
        found.map_or_else(|| StatusCode::NOT_FOUND.into_response(), |(_, bytes)| bytes.clone().into_response())
    }
    let manifest = |media_type: &str, blob: &[u8], annotations: serde_json::Value| {
        let layer =
            json!({ "mediaType": media_type, "digest": digest(blob), "size": blob.len(), "annotations": annotations });
        json!({ "schemaVersion": 2, "layers": [layer] }).to_string().into_bytes()
    };
    let image = manifest("application/wasm", &component, json!({}));
    let named = digest(&image);
    let payload = json!({ "critical": { "image": { "docker-manifest-digest": named } } }).to_string().into_bytes();
    let signed = json!({ "dev.cosignproject.cosign/signature": signature(key, &payload) });
    let shelf: Shelf = Arc::new(vec![
        (format!("manifests/{}.sig", named.replace(':', "-")), {
            manifest("application/vnd.dev.cosign.simplesigning.v1+json", &payload, signed)
        }),
        (format!("blobs/{}", digest(&payload)), payload),
        (format!("blobs/{}", digest(&component)), component),
        (format!("manifests/{named}"), image),
    ]);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = axum::Router::new().fallback(answer).with_state(shelf);
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("oci://{address}/o/x@{named}")
}

fn kept(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) -> String {
    let file = folder.join(name);
    std::fs::write(&file, bytes).unwrap();
    file.display().to_string()
}

/// The swap of the pages for what `from` names is done, or refused with those words.
fn swap(url: &str, from: &[&str], refusal: Option<&str>) {
    let answer = terminal(url, &[&["swap", "web", "--from"], from].concat());
    assert_eq!(answer.status.code(), Some(i32::from(refusal.is_some())), "{}", said(&answer));
    assert!(said(&answer).contains(refusal.unwrap_or_default()), "{}", said(&answer));
}

/// A host that has begun, and the digest of the pages that it serves.
async fn begun(client: &Client) -> String {
    client.until("/api/v1/admin/components", |all| all["owner"] == "image2model").await.unwrap();
    text(&component(client, "web").await, "digest").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_with_a_key_serves_what_was_signed_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let (key, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let public = kept(folder.path(), "cosign.pub", key.public_key_pem());
    let mut fleet = Fleet::setup().with("COMPONENT_KEY", public).start().unwrap();
    fleet.add_serving(1).unwrap();
    let (url, client) = (fleet.hosts()[0].url().to_owned(), fleet.hosts()[1].client(None).unwrap());
    let original = begun(&client).await;

    let sent = another("web");
    let file = kept(folder.path(), "web.wasm", &sent);
    swap(&url, &[&file], Some("signed components only"));
    let theirs = kept(folder.path(), "theirs.sig", signature(&other, &sent));
    swap(&url, &[&file, "--signature", &theirs], Some("not one of the configured key"));
    let elsewhere = registry(sent.clone(), &other).await;
    swap(&url, &[&elsewhere], Some(""));
    assert_eq!(text(&component(&client, "web").await, "digest"), original, "nothing of that is served");

    let ours = kept(folder.path(), "ours.sig", signature(&key, &sent));
    swap(&url, &[&file, "--signature", &ours], None);
    everywhere(&client, "web", &digest(&sent)).await;

    let mut pulled = another("web");
    pulled.extend([0, 4, 3, b'o', b'c', b'i']);
    let image = registry(pulled.clone(), &key).await;
    swap(&url, &[&image], None);
    everywhere(&client, "web", &digest(&pulled)).await;
    let served = component(&client, "web").await;
    assert_eq!(text(&served["rollout"]["current"], "source"), image);
    swap(&url, &[&file, "--signature", &ours], None);
    fleet.add_serving(1).unwrap();
    let late = fleet.hosts()[2].client(None).unwrap();
    late.until("/api/v1/admin/components", |all| {
        let hosts = named(&all["components"], "id", "web")["hosts"].as_array().unwrap();
        hosts.len() == 3 && hosts.iter().all(|host| text(host, "digest") == digest(&sent))
    })
    .await
    .unwrap();
    assert_eq!(client.get("/").await.unwrap().status(), 200);
}

/// What another host, or whoever writes to Redis, says is served is looked at like anything else.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_with_a_key_does_not_follow_to_what_was_not_signed() {
    let folder = tempfile::tempdir().unwrap();
    let key = KeyPair::generate().unwrap();
    let public = kept(folder.path(), "cosign.pub", key.public_key_pem());
    let mut fleet = Fleet::setup().start().unwrap();
    let (url, client) = (fleet.hosts()[0].url().to_owned(), fleet.hosts()[0].client(None).unwrap());
    let original = begun(&client).await;
    let sent = another("web");
    let file = kept(folder.path(), "web.wasm", &sent);
    swap(&url, &[&file], None);

    fleet.add("serve", &[("COMPONENT_KEY", public.as_str())]).unwrap();
    let careful = fleet.hosts()[1].client(None).unwrap();
    // Each says so within five seconds.
    let what_each_may = BTreeSet::from([original, digest(&sent)]);
    careful
        .until("/api/v1/admin/components", |all| {
            let hosts = named(&all["components"], "id", "web")["hosts"].as_array().unwrap();
            let served: BTreeSet<String> = hosts.iter().map(|host| text(host, "digest").to_owned()).collect();
            hosts.len() == 2 && served == what_each_may
        })
        .await
        .unwrap();
    assert_eq!(careful.get("/").await.unwrap().status(), 200);
}
