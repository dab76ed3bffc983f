//! Gets a release's bytes: from Redis, where uploads are, over HTTPS, or from a registry. Whatever comes must have the digest
//! that the release names; where the host has a key, it must be signed with it too. Bounds: `LARGEST_COMPONENT` bytes,
//! `WITHIN`, few redirects, none of them to a place without TLS.

mod cosign;
mod logins;
mod oci;
mod package;

use std::time::Duration;

use image2model_domain::rollout::{LARGEST_COMPONENT, Release};
use reqwest::{Response, redirect};

pub use cosign::CosignKey;
pub use logins::{Logins, LoginsError};
use oci::Puller;

use crate::causes::causes;
use crate::edge::sources::Code;
use crate::outgoing;
use crate::redis::{RedisError, Store};

/// How long one release may take to come.
const WITHIN: Duration = Duration::from_secs(120);
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// How long nothing may come.
const PAUSE: Duration = Duration::from_secs(20);
const REDIRECTS: usize = 5;
/// What one command brings from Redis.
const PIECE: usize = 1 << 20;

/// Why a release could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// Its place does not answer, or not with it.
    #[error("{place} {what}")]
    Place {
        /// Host or registry.
        place: String,
        /// What was wrong.
        what: String,
    },
    /// Other bytes.
    #[error("what was found has the digest {found}, not {wanted}")]
    Digest {
        /// The one it has.
        found: String,
        /// The one that it must have.
        wanted: String,
    },
    /// More than is taken.
    #[error("it is larger than {} MiB", LARGEST_COMPONENT >> 20)]
    TooLarge,
    /// Not signed, or by somebody else.
    #[error("{0}")]
    Signature(String),
    /// An upload that is no longer there.
    #[error("the upload is gone: send the component again")]
    Gone,
    /// Redis is away.
    #[error(transparent)]
    Redis(#[from] RedisError),
    /// The client cannot be made.
    #[error("no HTTP client: {0}")]
    Client(String),
}

impl FetchError {
    /// A stable name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Place { .. } => "FETCH",
            Self::Digest { .. } => "DIGEST",
            Self::TooLarge => "TOO_LARGE",
            Self::Signature(_) => "SIGNATURE",
            Self::Gone => "GONE",
            Self::Redis(error) => error.code(),
            Self::Client(_) => "CLIENT",
        }
    }

    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Place { .. } => true,
            Self::Redis(error) => error.is_retryable(),
            _ => false,
        }
    }

    /// The label under which it is counted.
    pub fn metric_label(&self) -> &'static str {
        self.code()
    }
}

/// See the module.
#[derive(Clone)]
pub(in crate::edge) struct Fetcher {
    puller: Puller,
    /// Where uploads are.
    store: Option<Store>,
    key: Option<CosignKey>,
}

impl Fetcher {
    pub fn new(store: Option<Store>, key: Option<CosignKey>, logins: Logins) -> Result<Self, FetchError> {
        let client = outgoing::client()
            .connect_timeout(CONNECT_WITHIN)
            .read_timeout(PAUSE)
            .redirect(redirect::Policy::custom(follow))
            .user_agent(concat!("image2model/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| FetchError::Client(error.to_string()))?;
        Ok(Self { puller: Puller { client, logins }, store, key })
    }

    /// The release's code, with all that it promises.
    pub async fn fetch(&self, release: &Release) -> Result<Code, FetchError> {
        let late = || FetchError::Place { place: release.source.clone(), what: "takes too long".into() };
        tokio::time::timeout(WITHIN, self.get(release)).await.map_err(|_| late())?
    }

    /// What is at a place, `https://…` or `oci://…@sha256:…`, with this digest.
    pub async fn at(&self, place: &str, digest: &str) -> Result<Code, FetchError> {
        let release = Release::elsewhere(place, Some(digest), None);
        let wrong = |_| FetchError::Place { place: host(place), what: "is no address of a component".into() };
        self.fetch(&release.map_err(wrong)?).await
    }

    /// A package of a registry.
    pub async fn package(
        &self,
        registry: &str,
        namespace: &str,
        name: &str,
        version: &str,
    ) -> Result<Code, FetchError> {
        let late = |_| FetchError::Place { place: registry.to_owned(), what: "takes too long".into() };
        let got = package::component(&self.puller, registry, (namespace, name), version);
        Ok(Code::new(tokio::time::timeout(WITHIN, got).await.map_err(late)??))
    }

    async fn get(&self, release: &Release) -> Result<Code, FetchError> {
        if release.source.starts_with("oci://") {
            let image = oci::Image::parse(&release.source)?;
            if let Some(key) = &self.key {
                cosign::verify_image(&self.puller, &image, key).await?;
            }
            return Ok(Code::new(image.component(&self.puller).await?));
        }
        let code = match release.kept() {
            Some(digest) => Code::new(self.kept(digest).await?),
            None => {
                let response =
                    self.puller.client.get(&release.source).send().await.map_err(|e| away(&release.source, e))?;
                Code::new(body(answered(response)?, LARGEST_COMPONENT).await?)
            }
        };
        if *code.digest != *release.digest {
            return Err(FetchError::Digest { found: code.digest.to_string(), wanted: release.digest.clone() });
        }
        if let Some(key) = &self.key {
            let signature = release.signature.as_deref().ok_or_else(cosign::missing)?;
            key.verify(&code.bytes, signature)?;
        }
        Ok(code)
    }

    /// An upload, piece by piece, so that nobody else waits behind it for long.
    async fn kept(&self, digest: &str) -> Result<Vec<u8>, FetchError> {
        let store = self.store.as_ref().ok_or(FetchError::Gone)?;
        let key = store.keys().component(digest);
        let mut bytes = Vec::new();
        loop {
            let mut piece = redis::cmd("GETRANGE");
            piece.arg(&key).arg(bytes.len()).arg(bytes.len() + PIECE - 1);
            let piece: Vec<u8> = store.query(&piece).await?;
            let last = piece.len() < PIECE;
            bytes.extend(piece);
            if bytes.len() > LARGEST_COMPONENT {
                return Err(FetchError::TooLarge);
            }
            if last {
                return if bytes.is_empty() { Err(FetchError::Gone) } else { Ok(bytes) };
            }
        }
    }
}

/// Registries send their clients elsewhere; never to where somebody could listen.
fn follow(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let came_in_the_open = attempt.previous().iter().all(|url| url.scheme() == "http");
    if attempt.previous().len() > REDIRECTS {
        return attempt.error("too many redirects");
    }
    if attempt.url().scheme() == "https" || came_in_the_open {
        attempt.follow()
    } else {
        attempt.error("a redirect without TLS")
    }
}

fn away(place: &str, error: reqwest::Error) -> FetchError {
    let mut what = causes(&error.without_url());
    if what.is_empty() {
        what = "does not answer".into();
    }
    FetchError::Place { place: host(place), what }
}

fn answered(response: Response) -> Result<Response, FetchError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    Err(FetchError::Place { place: host(response.url().as_str()), what: format!("answers {status}") })
}

/// Only the host: a query may hold a key.
fn host(place: &str) -> String {
    url::Url::parse(place).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_else(|| place.to_owned())
}

/// A body of at most so many bytes.
async fn body(mut response: Response, most: usize) -> Result<Vec<u8>, FetchError> {
    let place = response.url().to_string();
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| away(&place, error))? {
        if bytes.len() + chunk.len() > most {
            return Err(FetchError::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
