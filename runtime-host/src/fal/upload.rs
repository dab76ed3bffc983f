//! Storage upload: initiate, then PUT. Each try begins with a new initiate, so the file's URL is new as
//! well; the bytes are streamed and the key is never sent to where they go.

use std::sync::Arc;
use std::{io, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{Stream, TryStreamExt};
use parking_lot::Mutex;
use reqwest::Method;
use serde_json::{Value, json};
use url::Url;

use super::class::{Class, Stage};
use super::client::{FalClient, transport};
use super::error::FalError;
use super::refusal::Refusal;
use super::retry::Backoff;
use crate::crash;

/// An image that can be read from its beginning as often as needed.
#[async_trait]
pub trait Source: Send + Sync {
    /// Its size in bytes, and the bytes.
    async fn open(&self) -> io::Result<(u64, BoxStream<'static, io::Result<Bytes>>)>;
}

/// An image in FAL's storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadedImage {
    /// Public, and unique to this upload.
    pub file_url: String,
}

/// The same bytes; why they broke off, if they do, is noted.
fn noting(
    bytes: BoxStream<'static, io::Result<Bytes>>,
    broke: Arc<Mutex<Option<io::Error>>>,
) -> impl Stream<Item = io::Result<Bytes>> {
    bytes.map_err(move |error| {
        let kind = error.kind();
        *broke.lock() = Some(error);
        kind.into()
    })
}

impl FalClient {
    /// Brings an image to FAL's storage; trouble on the way is retried.
    ///
    /// # Errors
    /// The last try's.
    pub async fn upload(
        &self,
        source: &dyn Source,
        content_type: &str,
        file_name: &str,
    ) -> Result<UploadedImage, FalError> {
        let mut backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(10));
        loop {
            let error = match self.upload_once(source, content_type, file_name).await {
                Ok(image) => return Ok(image),
                Err(error) => error,
            };
            let last = backoff.failures() + 1 >= self.config.upload_tries;
            if last || error.class() != Class::Transient {
                return Err(error);
            }
            let delay = backoff.next_delay(error.retry_after());
            tracing::debug!(%error, ?delay, "the image's upload is tried again");
            tokio::time::sleep(delay).await;
        }
    }

    async fn upload_once(
        &self,
        source: &dyn Source,
        content_type: &str,
        file_name: &str,
    ) -> Result<UploadedImage, FalError> {
        let (file_url, upload_url) = self.initiate(content_type, file_name).await?;
        let (size, bytes) = source.open().await.map_err(FalError::Source)?;
        let broke = Arc::new(Mutex::new(None));
        let bytes = noting(bytes, broke.clone());
        let call = self
            .files
            .put(upload_url)
            .timeout(self.put_timeout(size))
            .header("content-type", content_type)
            .header("content-length", size)
            .body(reqwest::Body::wrap_stream(bytes));
        let response = crash::around("put", call.send()).await.map_err(|error| match broke.lock().take() {
            // To FAL's client a body that breaks off is trouble on the way.
            Some(ours) => FalError::Source(ours),
            None => transport(Stage::Upload, error),
        })?;
        let (status, headers) = (response.status(), response.headers().clone());
        if status.is_success() {
            return Ok(UploadedImage { file_url });
        }
        // The signed URL may have gone stale: a new initiate makes a new one, whatever the status was.
        let refusal = Refusal { status: status.as_u16().max(500), ..Refusal::read(status, &headers, b"") };
        Err(FalError::Refused { stage: Stage::Upload, refusal: Box::new(refusal) })
    }

    async fn initiate(&self, content_type: &str, file_name: &str) -> Result<(String, Url), FalError> {
        let base = self.config.rest_url.trim_end_matches('/');
        let lifetime = json!({ "expiration_duration_seconds": self.config.image_lifetime.as_secs() }).to_string();
        let call = self
            .call(Method::POST, &format!("{base}/storage/upload/initiate?storage_type=fal-cdn-v3"))
            .header("x-fal-object-lifecycle", lifetime)
            .json(&json!({ "content_type": content_type, "file_name": file_name }));
        let answer = self.send(Stage::Upload, call).await?.json;
        let url = |name: &str| {
            let text = answer.get(name).and_then(Value::as_str).unwrap_or_default();
            let unreadable = || FalError::Unreadable { stage: Stage::Upload, what: format!("no {name}") };
            Url::parse(text).map_err(|_| unreadable())
        };
        let (file_url, upload_url) = (url("file_url")?, url("upload_url")?);
        if !self.hosts.allows(&upload_url) {
            return Err(FalError::ForbiddenHost { host: upload_url.host_str().unwrap_or_default().to_owned() });
        }
        Ok((file_url.into(), upload_url))
    }

    /// Room for slow lines: 64 KB a second, and never less than an ordinary call has.
    fn put_timeout(&self, size: u64) -> Duration {
        self.config.call_timeout + Duration::from_secs(size >> 16)
    }
}
