//! Result files: fetched without the key, from allowed hosts only (redirects included), bounded in size and in time, and
//! whole or not at all: a transfer that breaks off is taken up where it broke off (`resume.rs`), or ends in an error.

use std::io;

use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use reqwest::header::CONTENT_TYPE;
use tokio::time::Instant;
use url::Url;

use super::class::Stage;
use super::client::FalClient;
use super::error::FalError;
use super::refusal::Refusal;
use super::resume::Transfer;

/// A file on its way.
pub struct Fetched {
    /// As the host says.
    pub content_type: Option<String>,
    /// Bytes, when the host says.
    pub length: Option<u64>,
    /// Ends in an error when it is cut short or grows too large.
    pub bytes: BoxStream<'static, io::Result<Bytes>>,
}

impl FalClient {
    /// Opens a file; `expected_size` is what the result said of it, by which one that is too large is not even begun. Whether
    /// it is the whole file is for its reader to tell: here it is as long as its host announced.
    ///
    /// # Errors
    /// [`FalError::ForbiddenHost`], [`FalError::TooLarge`], or the host's answer.
    pub async fn fetch_file(&self, url: &str, expected_size: Option<u64>) -> Result<Fetched, FalError> {
        let forbidden = |host: &str| FalError::ForbiddenHost { host: host.to_owned() };
        let url = Url::parse(url).map_err(|_| forbidden("no URL"))?;
        if !self.hosts.allows(&url) {
            return Err(forbidden(url.host_str().unwrap_or_default()));
        }
        let deadline = Instant::now() + self.config.file_timeout;
        let mut transfer = Transfer::new(self, url, deadline);
        let response = transfer.get().await?;
        let status = response.status();
        if status.is_redirection() {
            return Err(forbidden("a redirect's target"));
        }
        if !status.is_success() {
            let refusal = Box::new(Refusal::read(status, response.headers(), b""));
            return Err(FalError::Refused { stage: Stage::File, refusal });
        }
        let limit = self.config.max_file_bytes;
        let length = response.content_length();
        if length.or(expected_size).is_some_and(|length| length > limit) {
            return Err(FalError::TooLarge { limit });
        }
        let content_type = response.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).map(str::to_owned);
        transfer.begin(response);
        let bytes = bounded(transfer.into_stream(), length, limit);
        Ok(Fetched { content_type, length, bytes })
    }
}

/// Passes bytes on while they stay within the limit, and checks at the end that all have come.
fn bounded(
    bytes: BoxStream<'static, io::Result<Bytes>>,
    expected: Option<u64>,
    limit: u64,
) -> BoxStream<'static, io::Result<Bytes>> {
    let state = (bytes, 0_u64, false);
    futures::stream::unfold(state, move |(mut bytes, mut seen, ended)| async move {
        if ended {
            return None;
        }
        let item = match bytes.next().await {
            Some(Ok(chunk)) => {
                seen += chunk.len() as u64;
                if seen <= limit { Ok(chunk) } else { Err(io::Error::other("the file is larger than allowed")) }
            }
            Some(Err(error)) => Err(error),
            None if expected.is_none_or(|expected| expected == seen) => return None,
            None => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file is not as long as announced")),
        };
        let ended = item.is_err();
        Some((item, (bytes, seen, ended)))
    })
    .boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn collected(chunks: &[&'static str], expected: Option<u64>, limit: u64) -> Result<usize, io::ErrorKind> {
        let chunks: Vec<io::Result<Bytes>> = chunks.iter().map(|c| Ok(Bytes::from_static(c.as_bytes()))).collect();
        let mut stream = bounded(futures::stream::iter(chunks).boxed(), expected, limit);
        let mut seen = 0;
        while let Some(item) = stream.next().await {
            seen += item.map_err(|e| e.kind())?.len();
        }
        Ok(seen)
    }

    #[tokio::test]
    async fn a_file_is_whole_and_within_bounds_or_an_error() {
        assert_eq!(collected(&["glTF", "rest"], Some(8), 10).await, Ok(8));
        assert_eq!(collected(&["glTF", "rest"], None, 8).await, Ok(8));
        assert_eq!(collected(&["glTF"], Some(8), 10).await, Err(io::ErrorKind::UnexpectedEof));
        assert_eq!(collected(&["glTF", "rest"], None, 7).await, Err(io::ErrorKind::Other));
    }
}
