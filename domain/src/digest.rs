//! SHA-256 in hex, and comparison that takes the same time wherever two texts differ.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// SHA-256 of the bytes, in lower-case hex. Keys are stored, compared and logged only in this form.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// As much of a digest as tells generations of a component apart, without the `sha256:` before it.
#[must_use]
pub fn short_digest(digest: &str) -> String {
    digest.trim_start_matches("sha256:").chars().take(12).collect()
}

/// Compares secrets by their digests, in constant time and without telling their lengths.
#[must_use]
pub fn same_secret(one: &str, other: &str) -> bool {
    Sha256::digest(one.as_bytes()).ct_eq(&Sha256::digest(other.as_bytes())).into()
}
