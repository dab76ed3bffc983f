//! The provider's files as the blob gateway passes them through.

use async_trait::async_trait;
use http::{HeaderMap, Method};
use image2model_host::blobs::gateway::{Chunks, Elsewhere, ElsewhereError};
use image2model_host::fal::{FalError, Relay, Relayed};

pub struct ProviderFiles(pub Relay);

#[async_trait]
impl Elsewhere for ProviderFiles {
    async fn open(
        &self,
        method: Method,
        url: &str,
        headers: HeaderMap,
    ) -> Result<http::Response<Chunks>, ElsewhereError> {
        let Relayed { status, headers, bytes } =
            self.0.open(method, url, headers).await.map_err(|error| match error {
                FalError::ForbiddenHost { host } => ElsewhereError::Forbidden(host),
                other => ElsewhereError::Away(other.to_string()),
            })?;
        let mut answer = http::Response::new(bytes);
        (*answer.status_mut(), *answer.headers_mut()) = (status, headers);
        Ok(answer)
    }
}
