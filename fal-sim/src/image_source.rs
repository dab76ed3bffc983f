//! Gets the image an input names: from our own storage, out of a `data:` URI, or over HTTP, at most [`MOST_BYTES`].
//! A marker URL on a foreign host stands for a built-in drawing, since nothing needs to be there.

use crate::{errors::ModelError, scenario::Scenario, sim::Sim, storage::StoredFile};
use base64::Engine;
use fal_sim_relief::Source;
use futures::StreamExt;
use std::{sync::Arc, time::Duration};

/// Largest image taken.
pub const MOST_BYTES: u64 = 50 << 20;
/// What the paths of stored files begin with.
const STORED: &str = "files/b/";
/// Longest a fetch may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The image behind `url`.
pub async fn fetch(sim: &Sim, url: &str) -> Result<Source, ModelError> {
    if let Some(data) = url.strip_prefix("data:") {
        return decode(data).map(Source::Encoded);
    }
    let parsed = url::Url::parse(url).map_err(|_| ModelError::file_download())?;
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err(ModelError::file_download());
    }
    if let Some(file) = stored(sim, url).await {
        if file.size > MOST_BYTES {
            return Err(ModelError::file_too_large(MOST_BYTES));
        }
        return file.read().await.map(Source::Encoded).map_err(|_| ModelError::file_download());
    }
    if !parsed.path().contains(STORED) && Scenario::of_url(url).is_some() && !is_loopback(&parsed) {
        return Ok(Source::BuiltIn);
    }
    download(sim, parsed).await.map(Source::Encoded)
}

/// The file of our own storage behind `url`. Stored paths hold an unguessable id, so the path alone says whether the file
/// is ours, whatever the host's name.
pub async fn stored(sim: &Sim, url: &str) -> Option<Arc<StoredFile>> {
    let parsed = url::Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let at = parsed.path().find(STORED)?;
    sim.storage.find(parsed.path().get(at..)?).await
}

fn is_loopback(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

fn decode(data: &str) -> Result<Vec<u8>, ModelError> {
    let (about, body) = data.split_once(',').ok_or_else(ModelError::file_download)?;
    if !about.ends_with(";base64") {
        return Err(ModelError::file_download());
    }
    base64::engine::general_purpose::STANDARD.decode(body.trim()).map_err(|_| ModelError::file_download())
}

async fn download(sim: &Sim, url: url::Url) -> Result<Vec<u8>, ModelError> {
    let failed = |_| ModelError::file_download();
    let answer = sim.client.get(url).timeout(TIMEOUT).send().await.map_err(failed)?;
    let answer = answer.error_for_status().map_err(failed)?;
    let mut body = answer.bytes_stream();
    let mut bytes = Vec::new();
    while let Some(chunk) = body.next().await {
        bytes.extend_from_slice(&chunk.map_err(failed)?);
        if bytes.len() as u64 > MOST_BYTES {
            return Err(ModelError::file_too_large(MOST_BYTES));
        }
    }
    Ok(bytes)
}
