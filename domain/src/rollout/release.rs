//! One release of a component: where it comes from, and the digest that it must have.

use serde::{Deserialize, Serialize};

/// The source of what the hosts' own manifest names.
pub const MANIFEST: &str = "manifest";
/// The source of a component that was sent with the request; its bytes are in Redis under their digest.
pub const UPLOAD: &str = "upload";
/// The largest component that is taken, bytes.
pub const LARGEST_COMPONENT: usize = 32 << 20;

/// The longest address.
const LONGEST_SOURCE: usize = 1024;
/// The longest signature, in Base64: one of ECDSA P-256 has about a hundred characters.
const LONGEST_SIGNATURE: usize = 512;

/// A release. Two are the same when both fields are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Release {
    /// `manifest`, `upload`, an `https://` address, or `oci://registry/repository@sha256:…`.
    pub source: String,
    /// `sha256:…` of the file; of the manifest for an `oci://` source. Empty for what the hosts' manifest names.
    pub digest: String,
    /// Signature over the file, in Base64, where the source brings none of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

/// Why a release is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadRelease {
    /// No source that is understood.
    #[error("must be https://… or oci://registry/repository@sha256:…")]
    Source,
    /// No digest, or none that is one.
    #[error("must be sha256: and 64 hexadecimal digits in lower case, so that every host serves the very same bytes")]
    Digest,
    /// No signature.
    #[error("must be a signature in Base64")]
    Signature,
}

impl BadRelease {
    /// Which field does not fit.
    #[must_use]
    pub fn field(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Digest => "digest",
            Self::Signature => "signature",
        }
    }
}

impl Release {
    /// What the hosts' manifest names.
    #[must_use]
    pub fn manifest() -> Self {
        Self { source: MANIFEST.to_owned(), digest: String::new(), signature: None }
    }

    /// Bytes that were sent, by their digest.
    ///
    /// # Errors
    /// [`BadRelease`].
    pub fn upload(digest: &str, signature: Option<&str>) -> Result<Self, BadRelease> {
        Self::checked(UPLOAD, digest, signature)
    }

    /// Bytes that are somewhere else. An `oci://` source names its digest itself.
    ///
    /// # Errors
    /// [`BadRelease`].
    pub fn elsewhere(source: &str, digest: Option<&str>, signature: Option<&str>) -> Result<Self, BadRelease> {
        let sane = source.len() <= LONGEST_SOURCE && source.bytes().all(|b| b.is_ascii_graphic());
        if let Some(reference) = source.strip_prefix("oci://").filter(|_| sane) {
            let (name, named) = reference.split_once('@').ok_or(BadRelease::Digest)?;
            if !name.contains('/') || digest.is_some_and(|digest| digest != named) {
                return Err(if name.contains('/') { BadRelease::Digest } else { BadRelease::Source });
            }
            return Self::checked(source, named, signature);
        }
        // Without TLS only from this very machine, as registries for development are.
        let local = ["http://127.0.0.1:", "http://localhost:", "http://[::1]:"];
        if !sane || !(source.starts_with("https://") || local.iter().any(|start| source.starts_with(start))) {
            return Err(BadRelease::Source);
        }
        Self::checked(source, digest.ok_or(BadRelease::Digest)?, signature)
    }

    fn checked(source: &str, digest: &str, signature: Option<&str>) -> Result<Self, BadRelease> {
        if !is_digest(digest) {
            return Err(BadRelease::Digest);
        }
        let base64 = |b: u8| b.is_ascii_alphanumeric() || b"+/=".contains(&b);
        if signature.is_some_and(|text| text.is_empty() || text.len() > LONGEST_SIGNATURE || !text.bytes().all(base64))
        {
            return Err(BadRelease::Signature);
        }
        let (source, digest) = (source.to_owned(), digest.to_owned());
        Ok(Self { source, digest, signature: signature.map(str::to_owned) })
    }

    /// Whether it is what the hosts' manifest names.
    #[must_use]
    pub fn is_manifest(&self) -> bool {
        self.source == MANIFEST
    }

    /// The digest under which Redis has its bytes, if it does.
    #[must_use]
    pub fn kept(&self) -> Option<&str> {
        (self.source == UPLOAD).then_some(self.digest.as_str())
    }
}

/// Whether a text is `sha256:` and 64 digits.
#[must_use]
pub fn is_digest(text: &str) -> bool {
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    text.strip_prefix("sha256:").is_some_and(|digits| digits.len() == 64 && digits.bytes().all(hex))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(letter: char) -> String {
        format!("sha256:{}", letter.to_string().repeat(64))
    }

    #[test]
    fn a_release_is_named_by_its_digest() {
        let (a, b) = (digest('a'), digest('b'));
        let oci = format!("oci://ghcr.io/o/status@{a}");
        assert_eq!(Release::elsewhere(&oci, None, None).unwrap().digest, a);
        assert!(Release::elsewhere(&oci, Some(&a), Some("MEUCIQ==")).is_ok());
        assert_eq!(Release::elsewhere(&oci, Some(&b), None), Err(BadRelease::Digest));
        assert_eq!(Release::elsewhere("oci://ghcr.io/o/status:latest", None, None), Err(BadRelease::Digest));
        assert_eq!(Release::elsewhere("https://a.example/x.wasm", None, None), Err(BadRelease::Digest));
        assert!(Release::elsewhere("https://a.example/x.wasm", Some(&a), None).is_ok());
        assert!(Release::elsewhere("http://127.0.0.1:5000/x.wasm", Some(&a), None).is_ok());
        for bad in ["http://a.example/x.wasm", "file:///etc/passwd", "/x.wasm", "", "https://a b"] {
            assert_eq!(Release::elsewhere(bad, Some(&a), None), Err(BadRelease::Source), "{bad}");
        }
        assert_eq!(Release::upload("sha256:AB", None), Err(BadRelease::Digest));
        assert_eq!(Release::upload(&a, Some("not base64!")), Err(BadRelease::Signature));
        assert_eq!(Release::upload(&a, None).unwrap().kept(), Some(a.as_str()));
        assert_eq!(Release::manifest().kept(), None);
    }
}
