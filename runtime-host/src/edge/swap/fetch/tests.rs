//! Registries and signatures, with keys that are made here and a server that answers as registries do.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image2model_processes::RedisServer;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use sha2::{Digest, Sha256};

use super::*;

const WASM: &[u8] = b"\0asm\x0d\0\x01\0";

struct Signer(EcdsaKeyPair);

impl Signer {
    fn new() -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        Self(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref(), &random).unwrap())
    }

    fn sign(&self, bytes: &[u8]) -> String {
        STANDARD.encode(self.0.sign(&SystemRandom::new(), bytes).unwrap().as_ref())
    }

    /// As `cosign generate-key-pair` writes it.
    fn public(&self) -> CosignKey {
        let head = STANDARD.decode("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgA=").unwrap();
        let der = [head.as_slice(), self.0.public_key().as_ref()].concat();
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der));
        CosignKey::from_pem(&pem).unwrap()
    }
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// Answers with these documents, and wants a token for them, which anybody gets.
async fn registry(documents: Vec<(String, Vec<u8>)>) -> String {
    registry_of(documents, Wants::Token).await
}

/// What a registry wants of whoever reads.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wants {
    Token,
    /// Which it calls by its newer name, or by both, as Docker Hub does.
    AccessToken,
    EitherToken,
    TokenForPassword,
    Password,
}

/// A name and a password.
fn login() -> String {
    STANDARD.encode("robot:secret")
}

async fn registry_of(documents: Vec<(String, Vec<u8>)>, wants: Wants) -> String {
    use axum::extract::{Request, State};
    use axum::http::{HeaderMap, StatusCode, header};
    use axum::response::{IntoResponse, Response};
    type Shelf = std::sync::Arc<(String, Vec<(String, Vec<u8>)>, Wants)>;
    async fn answer(State(shelf): State<Shelf>, headers: HeaderMap, request: Request) -> Response {
        let (path, wants) = (request.uri().path(), shelf.2);
        let sent = headers.get(header::AUTHORIZATION).and_then(|sent| sent.to_str().ok()).unwrap_or_default();
        let knows = sent == format!("Basic {}", login());
        if path == "/token" && wants == Wants::TokenForPassword && !knows {
            return StatusCode::UNAUTHORIZED.into_response();
        }
        if path == "/token" {
            assert!(request.uri().query().unwrap().contains("scope=repository%3Ao%2Fx%3Apull"), "{:?}", request.uri());
            let token = match wants {
                Wants::AccessToken => r#"{"access_token":"t0"}"#,
                Wants::EitherToken => r#"{"token":"t0","access_token":"t0","expires_in":300}"#,
                _ => r#"{"token":"t0"}"#,
            };
            return token.into_response();
        }
        let may = if wants == Wants::Password { knows } else { sent == "Bearer t0" };
        if !may {
            let challenge = match wants {
                Wants::Password => "Basic realm=\"r\"".to_owned(),
                _ => format!("Bearer realm=\"http://{}/token\",service=\"r\"", shelf.0),
            };
            return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, challenge)]).into_response();
        }
        let found = shelf.1.iter().find(|(name, _)| path == format!("/v2/o/x/{name}"));
        found.map_or_else(|| StatusCode::NOT_FOUND.into_response(), |(_, bytes)| bytes.clone().into_response())
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let app = axum::Router::new().fallback(answer).with_state(std::sync::Arc::new((address.clone(), documents, wants)));
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

fn manifest(media_type: &str, blob: &[u8], signature: Option<&str>) -> Vec<u8> {
    let annotations = signature.map(|text| serde_json::json!({ "dev.cosignproject.cosign/signature": text }));
    let layer = serde_json::json!({ "mediaType": media_type, "digest": digest(blob), "size": blob.len(), "annotations": annotations.unwrap_or(serde_json::json!({})) });
    serde_json::json!({ "schemaVersion": 2, "layers": [layer] }).to_string().into_bytes()
}

fn fetcher(key: Option<CosignKey>) -> Fetcher {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Fetcher::new(None, key, Logins::default()).unwrap()
}

#[tokio::test]
async fn a_registry_that_wants_a_password_gets_it_and_no_other_does() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let image = manifest("application/wasm", WASM, None);
    let documents = || {
        vec![
            (format!("manifests/{}", digest(&image)), image.clone()),
            (format!("blobs/{}", digest(WASM)), WASM.to_vec()),
        ]
    };
    for wants in [Wants::TokenForPassword, Wants::Password] {
        let address = registry_of(documents(), wants).await;
        let release = Release::elsewhere(&format!("oci://{address}/o/x@{}", digest(&image)), None, None).unwrap();
        let known = |registry: &str, auth: &str| {
            let text = serde_json::json!({ "auths": { registry: { "auth": auth } } }).to_string();
            Fetcher::new(None, None, Logins::read(&text).unwrap()).unwrap()
        };
        assert_eq!(&*known(&address, &login()).fetch(&release).await.unwrap().bytes, WASM);
        for other in [known("ghcr.io", &login()), known(&address, &STANDARD.encode("robot:wrong")), fetcher(None)] {
            let refused = other.fetch(&release).await.err().unwrap();
            assert_eq!(refused.code(), "FETCH");
            assert!(refused.to_string().contains("REGISTRY_AUTH_FILE"), "{refused}");
        }
    }
}

#[tokio::test]
async fn a_token_may_have_either_name_or_both() {
    let image = manifest("application/wasm", WASM, None);
    for wants in [Wants::Token, Wants::AccessToken, Wants::EitherToken] {
        let documents = vec![
            (format!("manifests/{}", digest(&image)), image.clone()),
            (format!("blobs/{}", digest(WASM)), WASM.to_vec()),
        ];
        let address = registry_of(documents, wants).await;
        let release = Release::elsewhere(&format!("oci://{address}/o/x@{}", digest(&image)), None, None).unwrap();
        assert_eq!(&*fetcher(None).fetch(&release).await.unwrap().bytes, WASM);
    }
}

#[tokio::test]
async fn pulls_a_component_by_its_digest_and_nothing_else() {
    let image = manifest("application/wasm", WASM, None);
    let other = manifest("application/vnd.oci.image.layer.v1.tar", WASM, None);
    let documents = vec![
        (format!("manifests/{}", digest(&image)), image.clone()),
        (format!("manifests/{}", digest(&other)), other.clone()),
        // What a registry answers that has been tampered with.
        (format!("manifests/{}", digest(b"lost")), image.clone()),
        (format!("blobs/{}", digest(WASM)), WASM.to_vec()),
    ];
    let address = registry(documents).await;
    let fetch = async |bytes: &[u8]| {
        let source = format!("oci://{address}/o/x@{}", digest(bytes));
        fetcher(None).fetch(&Release::elsewhere(&source, None, None).unwrap()).await
    };
    assert_eq!(&*fetch(&image).await.unwrap().bytes, WASM);
    assert_eq!(fetch(b"lost").await.err().unwrap().code(), "DIGEST");
    let layers = fetch(&other).await.err().unwrap();
    assert!(layers.to_string().contains("no single component"), "{layers}");
    assert!(fetch(b"nowhere").await.err().unwrap().to_string().contains("404"));
}

#[tokio::test]
async fn takes_only_what_the_configured_key_signed() {
    let (mine, theirs) = (Signer::new(), Signer::new());
    let image = manifest("application/wasm", WASM, None);
    let signed = |signer: &Signer, of: &str| {
        let payload =
            serde_json::json!({ "critical": { "image": { "docker-manifest-digest": of } } }).to_string().into_bytes();
        (manifest("application/vnd.dev.cosign.simplesigning.v1+json", &payload, Some(&signer.sign(&payload))), payload)
    };
    let tag = format!("manifests/{}.sig", digest(&image).replace(':', "-"));
    for (signature, taken) in [
        (signed(&mine, &digest(&image)), true),
        (signed(&theirs, &digest(&image)), false),
        // My signature, over something else.
        (signed(&mine, &digest(b"another image")), false),
    ] {
        let (signature, payload) = signature;
        let documents = vec![
            (format!("manifests/{}", digest(&image)), image.clone()),
            (format!("blobs/{}", digest(WASM)), WASM.to_vec()),
            (format!("blobs/{}", digest(&payload)), payload),
            (tag.clone(), signature),
        ];
        let source = format!("oci://{}/o/x@{}", registry(documents).await, digest(&image));
        let release = Release::elsewhere(&source, None, None).unwrap();
        let fetched = fetcher(Some(mine.public())).fetch(&release).await;
        assert_eq!(fetched.as_ref().map_err(FetchError::code).is_ok(), taken, "{:?}", fetched.err());
    }
    let address = registry(vec![(format!("manifests/{}", digest(&image)), image.clone())]).await;
    let release = Release::elsewhere(&format!("oci://{address}/o/x@{}", digest(&image)), None, None).unwrap();
    let refused = fetcher(Some(mine.public())).fetch(&release).await.err().unwrap();
    assert_eq!(refused.code(), "SIGNATURE");
    assert!(refused.to_string().contains("--new-bundle-format=false"), "{refused}");
}

/// What is sent lies in Redis, what is elsewhere at an address: of this very machine, so that it needs no TLS. Neither brings a
/// signature with it, so both have to be given one.
#[tokio::test]
async fn what_is_sent_or_lies_elsewhere_needs_a_signature_as_well() {
    let (mine, theirs) = (Signer::new(), Signer::new());
    let redis = RedisServer::start(&[]).unwrap();
    let store = Store::open(&redis.url()).unwrap();
    while store.ping().await.is_err() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut keep = redis::cmd("SET");
    keep.arg(store.keys().component(&digest(WASM))).arg(WASM);
    let _: () = store.query(&keep).await.unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let elsewhere = format!("http://{}/x.wasm", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(async || WASM)).await });
    let releases = |signature: Option<&str>| {
        let sent = Release::upload(&digest(WASM), signature).unwrap();
        [sent, Release::elsewhere(&elsewhere, Some(&digest(WASM)), signature).unwrap()]
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let fetcher = |key| Fetcher::new(Some(store.clone()), key, Logins::default()).unwrap();
    for release in releases(None) {
        assert_eq!(&*fetcher(None).fetch(&release).await.unwrap().bytes, WASM);
        let refused = fetcher(Some(mine.public())).fetch(&release).await.err().unwrap();
        assert_eq!(refused.code(), "SIGNATURE", "{}", release.source);
        assert!(refused.to_string().contains("cosign sign-blob"), "{refused}");
    }
    for (signature, taken) in [(mine.sign(WASM), true), (theirs.sign(WASM), false), (mine.sign(b"other"), false)] {
        for release in releases(Some(&signature)) {
            let fetched = fetcher(Some(mine.public())).fetch(&release).await;
            assert_eq!(fetched.err().map(|error| error.code()), (!taken).then_some("SIGNATURE"), "{}", release.source);
        }
    }
}

#[test]
fn a_blobs_signature_is_over_its_very_bytes() {
    let (mine, theirs) = (Signer::new(), Signer::new());
    let key = mine.public();
    assert!(key.verify(WASM, &mine.sign(WASM)).is_ok());
    for bad in [theirs.sign(WASM), mine.sign(b"other"), String::new(), "AAAA".into()] {
        assert_eq!(key.verify(WASM, &bad).unwrap_err().code(), "SIGNATURE");
    }
    assert_eq!(CosignKey::from_pem("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"), None);
}
