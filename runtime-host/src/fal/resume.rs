//! The transfer of one file, taken up again where it broke off: asked for with `Range`, and only as long as the host says
//! that it is still the same file. Bounded in time and in how often that is done.

use std::io;

use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use reqwest::header::{ACCEPT_ENCODING, CONTENT_RANGE, ETAG, HeaderValue, IF_RANGE, RANGE};
use reqwest::{Client, Response, StatusCode};
use tokio::time::{Instant, sleep_until, timeout_at};
use url::Url;

use super::class::Stage;
use super::client::{FalClient, transport};
use super::error::FalError;
use super::retry::Backoff;
use crate::crash;

/// A file on its way.
pub(super) struct Transfer {
    files: Client,
    url: Url,
    deadline: Instant,
    resumes: u32,
    backoff: Backoff,
    /// Bytes passed on.
    seen: u64,
    /// What tells this file from another at the same place.
    etag: Option<HeaderValue>,
    bytes: BoxStream<'static, reqwest::Result<Bytes>>,
    ended: bool,
}

impl Transfer {
    pub fn new(fal: &FalClient, url: Url, deadline: Instant) -> Self {
        Self {
            files: fal.files.clone(),
            url,
            deadline,
            resumes: fal.config.file_resumes,
            backoff: Backoff::new(std::time::Duration::from_millis(250), std::time::Duration::from_secs(5)),
            seen: 0,
            etag: None,
            bytes: futures::stream::empty().boxed(),
            ended: false,
        }
    }

    /// Asks for the file, or for what is missing of it.
    pub async fn get(&mut self) -> Result<Response, FalError> {
        // Ranges and lengths are those of the file itself.
        let mut call = self.files.get(self.url.clone()).header(ACCEPT_ENCODING, "identity");
        if self.seen > 0 {
            call = call.header(RANGE, format!("bytes={}-", self.seen));
        }
        if let (1.., Some(etag)) = (self.seen, &self.etag) {
            call = call.header(IF_RANGE, etag);
        }
        let late = |_| FalError::NoAnswer { stage: Stage::File, reason: "it took too long".to_owned() };
        timeout_at(self.deadline, crash::around(Stage::File.name(), call.send()))
            .await
            .map_err(late)?
            .map_err(|e| transport(Stage::File, e))
    }

    /// Reads from this answer from now on.
    pub fn begin(&mut self, response: Response) {
        // A weak tag does not promise the same bytes.
        let strong = |tag: &&HeaderValue| !tag.as_bytes().starts_with(b"W/");
        self.etag = response.headers().get(ETAG).filter(strong).cloned().or_else(|| self.etag.take());
        self.bytes = response.bytes_stream().boxed();
    }

    /// The bytes, without the seams.
    pub fn into_stream(self) -> BoxStream<'static, io::Result<Bytes>> {
        let next = |mut transfer: Self| async move { transfer.next().await.map(|item| (item, transfer)) };
        futures::stream::unfold(self, next).boxed()
    }

    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        while !self.ended {
            match timeout_at(self.deadline, self.bytes.next()).await {
                Ok(Some(Ok(chunk))) => {
                    self.seen += chunk.len() as u64;
                    return Some(Ok(chunk));
                }
                Ok(Some(Err(error))) if !self.resume().await => return self.end(io::Error::other(error.without_url())),
                Ok(Some(Err(_))) => {}
                Ok(None) => self.ended = true,
                Err(_) => return self.end(io::Error::new(io::ErrorKind::TimedOut, "the file took too long")),
            }
        }
        None
    }

    fn end(&mut self, error: io::Error) -> Option<io::Result<Bytes>> {
        self.ended = true;
        Some(Err(error))
    }

    /// Whether the transfer goes on.
    async fn resume(&mut self) -> bool {
        while self.resumes > 0 && Instant::now() < self.deadline {
            self.resumes -= 1;
            let pause = Instant::now() + self.backoff.next_delay(None);
            sleep_until(pause.min(self.deadline)).await;
            match self.get().await {
                Ok(response) if self.continues(&response) => {
                    tracing::debug!(at = self.seen, "a file's transfer is taken up again");
                    self.begin(response);
                    return true;
                }
                Ok(response) if !response.status().is_server_error() => return false,
                _ => {}
            }
        }
        false
    }

    /// Whether an answer begins where the last one broke off.
    fn continues(&self, response: &Response) -> bool {
        if self.seen == 0 {
            return response.status() == StatusCode::OK;
        }
        let range = response.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
        let first = range.and_then(|range| range.strip_prefix("bytes ")?.split('-').next()?.parse::<u64>().ok());
        response.status() == StatusCode::PARTIAL_CONTENT && first == Some(self.seen)
    }
}
