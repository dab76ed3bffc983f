//! A package in a registry, by name and version, as `wkg` finds it: the registry says in a well-known file where its images
//! are, in which `namespace:name` at a version is the tag of `namespace/name`. One that says nothing is an OCI registry
//! itself.

use reqwest::{Client, StatusCode};
use serde::Deserialize;

use super::oci::{self, Image, Puller};
use super::{FetchError, answered, away, body};

const WELL_KNOWN: &str = ".well-known/wasm-pkg/registry.json";
const LARGEST_METADATA: usize = 64 << 10;

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    preferred_protocol: Option<String>,
    oci: Option<Oci>,
    /// How the file was written at first.
    oci_registry: Option<String>,
    oci_namespace_prefix: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Oci {
    registry: Option<String>,
    namespace_prefix: Option<String>,
}

/// The one component of the package.
pub(super) async fn component(
    puller: &Puller,
    registry: &str,
    (namespace, name): (&str, &str),
    version: &str,
) -> Result<Vec<u8>, FetchError> {
    let metadata = metadata(&puller.client, registry).await?;
    let wrong = |what: String| FetchError::Place { place: registry.to_owned(), what };
    if let Some(protocol) = metadata.preferred_protocol.filter(|protocol| protocol != "oci" && metadata.oci.is_none()) {
        return Err(wrong(format!("is read by {protocol:?}, and this host reads OCI registries only")));
    }
    let oci = metadata
        .oci
        .unwrap_or(Oci { registry: metadata.oci_registry, namespace_prefix: metadata.oci_namespace_prefix });
    let place = oci.registry.unwrap_or_else(|| registry.to_owned());
    let repository = format!("{}{namespace}/{name}", oci.namespace_prefix.unwrap_or_default());
    let image = Image::at(&place, &repository)?;
    let manifest = image.manifest(puller, &tag(version)).await?;
    image.component_of(puller, &manifest).await
}

/// A `+` of a version stands for its build, and no tag may have one.
fn tag(version: &str) -> String {
    version.replace('+', "_")
}

async fn metadata(client: &Client, registry: &str) -> Result<Metadata, FetchError> {
    let url = format!("{}://{registry}/{WELL_KNOWN}", oci::scheme(registry));
    let response = client.get(&url).send().await.map_err(|error| away(&url, error))?;
    if matches!(response.status(), StatusCode::NOT_FOUND | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
        return Ok(Metadata::default());
    }
    let text = body(answered(response)?, LARGEST_METADATA).await?;
    // Registries that do not know the file may answer with a page.
    Ok(serde_json::from_slice(&text).unwrap_or_default())
}
