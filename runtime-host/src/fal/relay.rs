//! A result file as its host serves it, ranges and conditions included: for passing it through. From allowed hosts only,
//! without the key.

use std::io;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use reqwest::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};
use reqwest::{Client, Method, StatusCode};
use url::Url;

use super::class::Stage;
use super::client::{FalClient, transport};
use super::error::FalError;
use super::hosts::AllowedHosts;
use super::refusal::Refusal;

/// Opens result files. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Relay {
    hosts: AllowedHosts,
    files: Client,
}

/// A host's answer, its body not yet read.
pub struct Relayed {
    /// 200, 206, 304, 404, 412 or 416.
    pub status: StatusCode,
    /// As the host says.
    pub headers: HeaderMap,
    /// Ends in an error when it is cut short.
    pub bytes: BoxStream<'static, io::Result<Bytes>>,
}

impl FalClient {
    /// What opens result files by the hosts and bounds of this client.
    #[must_use]
    pub fn relay(&self) -> Relay {
        Relay { hosts: self.hosts.clone(), files: self.files.clone() }
    }
}

impl Relay {
    /// The host's answer to a request for the file with these headers. A file that is gone or locked away by now answers
    /// 404.
    ///
    /// # Errors
    /// [`FalError::ForbiddenHost`], or what kept the host from giving one of those answers.
    pub async fn open(&self, method: Method, url: &str, mut headers: HeaderMap) -> Result<Relayed, FalError> {
        let forbidden = |host: &str| FalError::ForbiddenHost { host: host.to_owned() };
        let url = Url::parse(url).map_err(|_| forbidden("no URL"))?;
        if !self.hosts.allows(&url) {
            return Err(forbidden(url.host_str().unwrap_or_default()));
        }
        // Ranges and lengths are those of the file itself.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let sent = self.files.request(method, url).headers(headers).send().await;
        let response = sent.map_err(|e| transport(Stage::File, e))?;
        let (status, headers) = (response.status(), response.headers().clone());
        match status.as_u16() {
            200 | 206 | 304 | 404 | 412 | 416 => {
                let bytes = response.bytes_stream().map(|chunk| chunk.map_err(|e| io::Error::other(e.without_url())));
                Ok(Relayed { status, headers, bytes: bytes.boxed() })
            }
            // Results expire, and some stores deny what they do not have.
            401 | 403 | 410 => {
                let bytes = futures::stream::empty().boxed();
                Ok(Relayed { status: StatusCode::NOT_FOUND, headers: HeaderMap::new(), bytes })
            }
            300..=399 => Err(forbidden("a redirect's target")),
            _ => Err(FalError::Refused { stage: Stage::File, refusal: Box::new(Refusal::read(status, &headers, b"")) }),
        }
    }
}
