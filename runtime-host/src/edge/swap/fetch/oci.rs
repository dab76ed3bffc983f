//! A component in an OCI registry, by the digest of its manifest. A registry is asked for a token first when it wants one, by
//! whoever this host is to it (`logins`), or else by anybody. What comes is checked against the digests on the way: manifest, then layer.

use image2model_domain::rollout::{LARGEST_COMPONENT, is_digest};
use reqwest::header::{ACCEPT, AUTHORIZATION, WWW_AUTHENTICATE};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::logins::Logins;
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

/// Registries say it by either name, or by both.
#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

/// Asks registries.
#[derive(Clone)]
pub(super) struct Puller {
    pub client: Client,
    pub logins: Logins,
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
    pub async fn component(&self, puller: &Puller) -> Result<Vec<u8>, FetchError> {
        let text = self.manifest(puller, &self.digest).await?;
        verified(&text, &self.digest)?;
        self.component_of(puller, &text).await
    }

    /// The one component that an image's manifest, `text`, names.
    pub async fn component_of(&self, puller: &Puller, text: &[u8]) -> Result<Vec<u8>, FetchError> {
        let manifest = self.read(text)?;
        let mut layers = manifest.layers.iter().filter(|layer| COMPONENT.contains(&layer.media_type.as_str()));
        let (Some(layer), None) = (layers.next(), layers.next()) else {
            let types: Vec<_> = manifest.layers.iter().map(|layer| layer.media_type.as_str()).collect();
            return Err(self.wrong(format!("has no single component at this digest; its layers are {types:?}")));
        };
        self.blob(puller, layer, LARGEST_COMPONENT).await
    }

    /// A manifest by digest or tag, as it was written.
    pub async fn manifest(&self, puller: &Puller, reference: &str) -> Result<Vec<u8>, FetchError> {
        body(self.get(puller, &format!("manifests/{reference}")).await?, LARGEST_MANIFEST).await
    }

    pub fn read(&self, manifest: &[u8]) -> Result<Manifest, FetchError> {
        serde_json::from_slice(manifest).map_err(|_| self.wrong("answers with no manifest of an image".into()))
    }

    pub async fn blob(&self, puller: &Puller, layer: &Layer, most: usize) -> Result<Vec<u8>, FetchError> {
        if !is_digest(&layer.digest) {
            return Err(self.wrong("names a layer by no digest".into()));
        }
        let bytes = body(self.get(puller, &format!("blobs/{}", layer.digest)).await?, most).await?;
        verified(&bytes, &layer.digest)?;
        Ok(bytes)
    }

    async fn get(&self, puller: &Puller, what: &str) -> Result<Response, FetchError> {
        let url = format!("{}/v2/{}/{what}", self.base(), self.repository);
        let ask = || puller.client.get(&url).header(ACCEPT, MANIFESTS);
        let sent = async |request: RequestBuilder| request.send().await.map_err(|error| away(&url, error));
        let first = sent(ask()).await?;
        if first.status() != StatusCode::UNAUTHORIZED {
            return answered(first);
        }
        let login = puller.logins.basic(&self.registry);
        let challenge = first.headers().get(WWW_AUTHENTICATE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let authorization = if is_basic(challenge) {
            login.ok_or_else(|| self.no_reader())?
        } else {
            format!("Bearer {}", self.token(puller, challenge, login).await?)
        };
        let again = sent(ask().header(AUTHORIZATION, authorization)).await?;
        if again.status() == StatusCode::UNAUTHORIZED {
            return Err(self.no_reader());
        }
        answered(again)
    }

    fn base(&self) -> String {
        let scheme = scheme(&self.registry);
        let registry = if self.registry == "docker.io" { "registry-1.docker.io" } else { &self.registry };
        format!("{scheme}://{registry}")
    }

    /// What a registry gives for this repository: to anybody who asks, or to whom this host is there.
    async fn token(&self, puller: &Puller, challenge: &str, login: Option<String>) -> Result<String, FetchError> {
        let realm = parameter(challenge, "realm").and_then(|realm| Url::parse(realm).ok());
        let mut realm = realm.ok_or_else(|| self.wrong("does not say who gives its tokens".into()))?;
        if realm.scheme() != "https" && !self.base().starts_with("http://") {
            return Err(self.wrong("gives its tokens out without TLS".into()));
        }
        let scope = format!("repository:{}:pull", self.repository);
        realm.query_pairs_mut().append_pair("scope", &scope);
        if let Some(service) = parameter(challenge, "service") {
            realm.query_pairs_mut().append_pair("service", service);
        }
        let mut asking = puller.client.get(realm.clone());
        if let Some(login) = login {
            asking = asking.header(AUTHORIZATION, login);
        }
        let answer = asking.send().await.map_err(|e| away(realm.as_str(), e))?;
        if matches!(answer.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return Err(self.no_reader());
        }
        let answer = answered(answer)?;
        let token: Result<Token, _> = serde_json::from_slice(&body(answer, LARGEST_TOKEN).await?);
        let token = token.ok().and_then(|token| token.token.or(token.access_token));
        token.ok_or_else(|| self.wrong("gives no token".into()))
    }

    fn no_reader(&self) -> FetchError {
        self.wrong("does not let this host read it (REGISTRY_AUTH_FILE has its logins)".into())
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

/// Whether a challenge asks for the password itself.
fn is_basic(challenge: &str) -> bool {
    challenge.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("basic"))
}

/// `name="value"` out of a challenge.
fn parameter<'a>(challenge: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = challenge.split_once(&format!("{name}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}
