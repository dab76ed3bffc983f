//! Where a component's code is: a file, a URL with the digest of what is there, or a package in a registry.

use std::fmt;
use std::path::{Path, PathBuf};

use image2model_domain::rollout::{BadRelease, Release};
use semver::{Version, VersionReq};

use super::components::Spot;
use super::schema;
use crate::edge::EdgeError;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// Elsewhere.
    Remote(Remote),
}

/// Code that is fetched.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Remote {
    /// `{ url, digest }`.
    Url {
        /// By TLS, or on this very machine.
        url: String,
        /// `sha256:…` of what is there.
        digest: String,
    },
    /// `{ registry, package, version }`.
    Package {
        /// Host, and port if need be.
        registry: String,
        /// Of `namespace:name`.
        namespace: String,
        /// Of `namespace:name`.
        name: String,
        /// The very version.
        version: String,
    },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Remote(remote) => remote.fmt(f),
        }
    }
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // A query may hold a key.
            Self::Url { url, digest } => write!(f, "{}@{digest}", url.split('?').next().unwrap_or(url)),
            Self::Package { registry, namespace, name, version } => {
                write!(f, "{namespace}:{name}@{version} of {registry}")
            }
        }
    }
}

impl Source {
    /// The file, when it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Remote(_) => None,
        }
    }
}

/// Reads the keys of a table that names code elsewhere. `otherwise` is the package meant where none is named.
pub(super) fn remote(spot: &Spot<'_>, keys: schema::Remote, otherwise: Option<&str>) -> Result<Remote, EdgeError> {
    if keys.url.is_some() {
        return at(spot, keys);
    }
    if keys.digest.is_some() {
        return Err(EdgeError::invalid(spot.key(["digest"]), "a `digest` belongs to a `url`"));
    }
    let registry = keys.registry.ok_or_else(|| {
        let reason = "this host has no registry of its own to look in: name one, `registry = \"…\"`";
        EdgeError::unsupported(spot.key(["version"]), "registry", reason)
    })?;
    if !is_host(&registry) {
        let message = format!("`registry` is a host, with a port if need be, and {registry:?} is none");
        return Err(EdgeError::invalid(spot.key(["registry"]), message));
    }
    let package = keys.package.as_deref().or(otherwise).unwrap_or_default();
    let (namespace, name) = package.split_once(':').filter(|(a, b)| is_word(a) && is_word(b)).ok_or_else(|| {
        EdgeError::invalid(spot.key(["package"]), format!("`package` is `namespace:name`, and {package:?} is not"))
    })?;
    let version = version(spot, keys.version.as_deref())?;
    Ok(Remote::Package { registry, namespace: namespace.to_owned(), name: name.to_owned(), version })
}

fn at(spot: &Spot<'_>, keys: schema::Remote) -> Result<Remote, EdgeError> {
    let others = [("registry", &keys.registry), ("package", &keys.package), ("version", &keys.version)];
    if let Some((key, _)) = others.into_iter().find(|(_, value)| value.is_some()) {
        return Err(EdgeError::invalid(spot.key([key]), format!("has a `url` and a `{key}`: which?")));
    }
    let url = keys.url.unwrap_or_default();
    // What may be swapped in may be named in a manifest.
    match Release::elsewhere(&url, keys.digest.as_deref(), None) {
        Ok(release) => Ok(Remote::Url { url: release.source, digest: release.digest }),
        Err(BadRelease::Source) => {
            let message = "`url` is neither https:// nor oci://…@sha256:…; without TLS only from this very machine";
            Err(EdgeError::invalid(spot.key(["url"]), message))
        }
        Err(_) => {
            let message = "a `url` needs `digest = \"sha256:…\"`, the SHA-256 of the component in 64 hex digits";
            Err(EdgeError::invalid(spot.key(["digest"]), message))
        }
    }
}

/// One version and no range: what a range means changes without anybody changing the manifest.
fn version(spot: &Spot<'_>, written: Option<&str>) -> Result<String, EdgeError> {
    let place = || spot.key(["version"]);
    let written = written.ok_or_else(|| EdgeError::invalid(place(), "a package needs a `version`"))?;
    let exact = written.trim().trim_start_matches('=').trim();
    match Version::parse(exact) {
        Ok(version) => Ok(version.to_string()),
        Err(_) if VersionReq::parse(written).is_ok() => {
            let reason =
                format!("{written:?} is a range, and what it means changes by itself; write one version, \"=1.2.3\"");
            Err(EdgeError::unsupported(place(), "version", reason))
        }
        Err(error) => Err(EdgeError::invalid(place(), format!("`version`: {error}"))),
    }
}

fn is_host(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:".contains(&b))
        && url::Url::parse(&format!("https://{text}/")).is_ok_and(|url| url.host_str().is_some())
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}
