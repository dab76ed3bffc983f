//! A component in an OCI registry, by the digest of its manifest. Registries that let anybody read are asked for a token
//! first when they want one. What comes is checked against the digests on the way: manifest, then layer.

use image2model_domain::rollout::{LARGEST_COMPONENT, is_digest};
use reqwest::header::{ACCEPT, AUTHORIZATION, WWW_AUTHENTICATE};
use reqwest::{Client, Response, StatusCode, Url};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{FetchError, answered, away, body};

const MANIFESTS: &str =
    "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";
/// What layers that hold a component are called.
const COMPONENT: [&str; 3] = [
    "application/wasm",
    "application/vnd.wasm.content.layer.v1+wasm",
    "application/vnd.bytecodealliance.component.layer.v0+wasm",
];
/// The largest manifest, bytes; registries have the same bound.
const LARGEST_MANIFEST: usize = 4 << 20;
const LARGEST_TOKEN: usize = 64 << 10;

/// `oci://registry/repository@sha256:…`.
pub(super) struct Image {
    registry: String,
    repository: String,
    pub digest: String,
}

#[derive(Deserialize)]
pub(super) struct Manifest {
    pub layers: Vec<Layer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Layer {
    pub media_type: String,
    pub digest: String,
    #[serde(default)]
    pub annotations: std::collections::BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Token {
    #[serde(alias = "access_token")]
    token: String,
}

impl Image {
    pub fn parse(source: &str) -> Result<Self, FetchError> {
        let parsed = || {
            let (name, digest) = source.strip_prefix("oci://")?.split_once('@')?;
            let (registry, repository) = name.split_once('/')?;
            is_digest(digest).then(|| Self::named(registry, repository, digest))?
        };
        parsed().ok_or_else(|| FetchError::Place { place: source.into(), what: "is not a registry's address".into() })
    }

    /// Images in a repository, of which no digest is known yet.
    pub fn at(registry: &str, repository: &str) -> Result<Self, FetchError> {
        Self::named(registry, repository, "")
            .ok_or_else(|| FetchError::Place { place: registry.into(), what: "has no such repository".into() })
    }

    fn named(registry: &str, repository: &str, digest: &str) -> Option<Self> {
        let sane =
            |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"./_-:".contains(&b));
        let fits = sane(registry) && sane(repository) && !repository.contains("..");
        fits.then(|| Self { registry: registry.into(), repository: repository.into(), digest: digest.into() })
    }

    /// The one component in it.
    pub async fn component(&self, client: &Client) -> Result<Vec<u8>, FetchError> {
        let text = self.manifest(client, &self.digest).await?;
        verified(&text, &self.digest)?;
        self.component_of(client, &text).await
    }

    /// The one component that an image's manifest, `text`, names.
    pub async fn component_of(&self, client: &Client, text: &[u8]) -> Result<Vec<u8>, FetchError> {
        let manifest = self.read(text)?;
        let mut layers = manifest.layers.iter().filter(|layer| COMPONENT.contains(&layer.media_type.as_str()));
        let (Some(layer), None) = (layers.next(), layers.next()) else {
            let types: Vec<_> = manifest.layers.iter().map(|layer| layer.media_type.as_str()).collect();
            return Err(self.wrong(format!("has no single component at this digest; its layers are {types:?}")));
        };
        self.blob(client, layer, LARGEST_COMPONENT).await
    }

    /// A manifest by digest or tag, as it was written.
    pub async fn manifest(&self, client: &Client, reference: &str) -> Result<Vec<u8>, FetchError> {
        body(self.get(client, &format!("manifests/{reference}")).await?, LARGEST_MANIFEST).await
    }

    pub fn read(&self, manifest: &[u8]) -> Result<Manifest, FetchError> {
        serde_json::from_slice(manifest).map_err(|_| self.wrong("answers with no manifest of an image".into()))
    }

    pub async fn blob(&self, client: &Client, layer: &Layer, most: usize) -> Result<Vec<u8>, FetchError> {
        if !is_digest(&layer.digest) {
            return Err(self.wrong("names a layer by no digest".into()));
        }
        let bytes = body(self.get(client, &format!("blobs/{}", layer.digest)).await?, most).await?;
        verified(&bytes, &layer.digest)?;
        Ok(bytes)
    }

    async fn get(&self, client: &Client, what: &str) -> Result<Response, FetchError> {
        let url = format!("{}/v2/{}/{what}", self.base(), self.repository);
        let first = client.get(&url).header(ACCEPT, MANIFESTS).send().await.map_err(|e| away(&url, e))?;
        if first.status() != StatusCode::UNAUTHORIZED {
            return answered(first);
        }
        let token = self.token(client, &first).await?;
        let again = client.get(&url).header(ACCEPT, MANIFESTS).header(AUTHORIZATION, format!("Bearer {token}"));
        answered(again.send().await.map_err(|e| away(&url, e))?)
    }

    fn base(&self) -> String {
        let scheme = scheme(&self.registry);
        let registry = if self.registry == "docker.io" { "registry-1.docker.io" } else { &self.registry };
        format!("{scheme}://{registry}")
    }

    /// What a registry gives to anybody who asks, for this repository.
    async fn token(&self, client: &Client, refused: &Response) -> Result<String, FetchError> {
        let challenge =
            refused.headers().get(WWW_AUTHENTICATE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let realm = parameter(challenge, "realm").and_then(|realm| Url::parse(realm).ok());
        let mut realm = realm.ok_or_else(|| self.wrong("wants a password, and this host has none".into()))?;
        if realm.scheme() != "https" && !self.base().starts_with("http://") {
            return Err(self.wrong("gives its tokens out without TLS".into()));
        }
        let scope = format!("repository:{}:pull", self.repository);
        realm.query_pairs_mut().append_pair("scope", &scope);
        if let Some(service) = parameter(challenge, "service") {
            realm.query_pairs_mut().append_pair("service", service);
        }
        let answer = answered(client.get(realm.clone()).send().await.map_err(|e| away(realm.as_str(), e))?)?;
        let token: Result<Token, _> = serde_json::from_slice(&body(answer, LARGEST_TOKEN).await?);
        token.map(|token| token.token).map_err(|_| self.wrong("gives no token".into()))
    }

    fn wrong(&self, what: String) -> FetchError {
        FetchError::Place { place: self.registry.clone(), what }
    }
}

/// Registries on this very machine, as for development, have no TLS.
pub(super) fn scheme(registry: &str) -> &'static str {
    let host = registry.split(':').next().unwrap_or_default();
    if matches!(host, "localhost" | "127.0.0.1") { "http" } else { "https" }
}

fn verified(bytes: &[u8], wanted: &str) -> Result<(), FetchError> {
    let found = format!("sha256:{}", hex::encode(Sha256::digest(bytes)));
    if found == wanted { Ok(()) } else { Err(FetchError::Digest { found, wanted: wanted.to_owned() }) }
}

/// `name="value"` out of a challenge.
fn parameter<'a>(challenge: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = challenge.split_once(&format!("{name}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}
