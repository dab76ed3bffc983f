//! Components that the manifest names elsewhere: at a URL with their digest, or in a registry by package and version. Each
//! is fetched once and kept beside the compiled ones, so that a start needs nobody else. What is kept is looked at again:
//! it must still have the digest that it was fetched with.

use std::path::Path;

use sha2::{Digest, Sha256};

use super::EdgeError;
use super::folder::Folder;
use super::manifest::{Place, Remote};
use super::sources::Code;
use super::swap::fetch::{FetchError, Fetcher, Logins};

/// Where fetched components are kept, in the folder of the compiled ones.
const FETCHED: &str = "fetched";

/// The code of each, in order. Blocks; all are fetched at a time.
pub(super) fn fetch(
    wanted: &[(Place, Remote)],
    cache_dir: Option<&Path>,
    logins: &Logins,
) -> Result<Vec<Code>, EdgeError> {
    let Some(first) = wanted.first() else { return Ok(Vec::new()) };
    let folder = cache_dir.map(|cache| Folder::open(&cache.join(FETCHED))).transpose()?;
    // A thread of its own: whoever loads an application may or may not be on a runtime already.
    std::thread::scope(|scope| {
        let all = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|error| EdgeError::Engine(format!("nothing can be fetched: {error}")))?;
            runtime.block_on(async {
                let fetcher = Fetcher::new(None, None, logins.clone()).map_err(|error| failed(first, error))?;
                let each = wanted.iter().map(|one| get(&fetcher, folder.as_ref(), one));
                futures::future::try_join_all(each).await
            })
        });
        all.join().unwrap_or_else(|_| Err(EdgeError::Engine("fetching panicked".into())))
    })
}

async fn get(fetcher: &Fetcher, folder: Option<&Folder>, one: &(Place, Remote)) -> Result<Code, EdgeError> {
    let (_, remote) = one;
    if let Some(code) = folder.and_then(|folder| kept(folder, remote)) {
        return Ok(code);
    }
    let code = match remote {
        Remote::Url { url, digest } => fetcher.at(url, digest).await,
        Remote::Package { registry, namespace, name, version } => {
            fetcher.package(registry, namespace, name, version).await
        }
    };
    let code = code.map_err(|error| failed(one, error))?;
    tracing::info!(from = %remote, digest = &*code.digest, "component fetched");
    if let Some(folder) = folder
        && let Err(error) = keep(folder, remote, &code)
    {
        tracing::warn!(%error, "a fetched component could not be kept");
    }
    Ok(code)
}

fn failed((place, remote): &(Place, Remote), source: FetchError) -> EdgeError {
    EdgeError::Fetch { place: place.clone(), from: remote.to_string(), source }
}

/// What was fetched before, if it is whole and still what the manifest asks for.
fn kept(folder: &Folder, remote: &Remote) -> Option<Code> {
    let key = key(remote);
    let digest = String::from_utf8(folder.read(&format!("{key}.sha256"))?).ok()?;
    let code = Code::new(folder.read(&format!("{key}.wasm"))?);
    let asked = match remote {
        // An image's digest is of what leads to the component; what was led to has its own, and the name of its file.
        Remote::Url { url, .. } if url.starts_with("oci://") => true,
        Remote::Url { digest, .. } => *code.digest == **digest,
        Remote::Package { .. } => true,
    };
    (asked && *code.digest == *digest.trim()).then_some(code)
}

fn keep(folder: &Folder, remote: &Remote, code: &Code) -> std::io::Result<()> {
    let key = key(remote);
    folder.write(&format!("{key}.wasm"), &code.bytes)?;
    folder.write(&format!("{key}.sha256"), code.digest.as_bytes())
}

/// Names a file for it: the same bytes from elsewhere are fetched there, once.
fn key(remote: &Remote) -> String {
    hex::encode(Sha256::digest(remote.to_string()))
}
