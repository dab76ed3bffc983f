//! Signatures as `cosign` makes them with a key of its own (ECDSA P-256, SHA-256): over a file (`cosign sign-blob --key`),
//! or beside an image in its registry (`cosign sign --key`). Neither certificates nor a transparency log are asked. Bundles,
//! which cosign 3 writes by default, are not read: the errors say how to have plain signatures of it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde_json::Value;

use super::FetchError;
use super::oci::{Image, Puller};

/// What stands in front of a P-256 key in a PEM file (RFC 5480): the algorithm, and how long the key is.
const SPKI: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
const POINT: usize = 65;
/// Where an image's signatures say what they are.
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
const LARGEST_PAYLOAD: usize = 64 << 10;
/// What makes cosign 3 sign as those before it did.
const PLAIN: &str = "--new-bundle-format=false --use-signing-config=false";
/// Signatures of one image that are looked at.
const MOST: usize = 32;

/// The public key that components must be signed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CosignKey(Vec<u8>);

impl CosignKey {
    /// Reads `cosign.pub`; nothing when it is another kind of key.
    #[must_use]
    pub fn from_pem(text: &str) -> Option<Self> {
        let (_, rest) = text.split_once("-----BEGIN PUBLIC KEY-----")?;
        let (body, _) = rest.split_once("-----END PUBLIC KEY-----")?;
        let der = STANDARD.decode(body.split_whitespace().collect::<String>()).ok()?;
        let point = der.strip_prefix(&SPKI)?;
        (point.len() == POINT).then(|| Self(point.to_owned()))
    }

    /// Whether `signature`, in Base64, is this key's over `bytes`.
    pub(super) fn verify(&self, bytes: &[u8], signature: &str) -> Result<(), FetchError> {
        let wrong = || FetchError::Signature("its signature is not one of the configured key".into());
        let signature = STANDARD.decode(signature.trim()).map_err(|_| wrong())?;
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.0).verify(bytes, &signature).map_err(|_| wrong())
    }
}

/// Of what brings no signature with it.
pub(super) fn missing() -> FetchError {
    FetchError::Signature(format!(
        "this host takes signed components only: send the signature of `cosign sign-blob --key` along, which cosign 3 writes with \
         {PLAIN} --output-signature, or has as messageSignature.signature in its bundle"
    ))
}

/// Whether the image has a signature of this key over its own digest.
pub(super) async fn verify_image(puller: &Puller, image: &Image, key: &CosignKey) -> Result<(), FetchError> {
    let tag = format!("{}.sig", image.digest.replace(':', "-"));
    let none = format!(
        "this host takes signed components only, and there is no {tag} beside it: sign it by `cosign sign --key`, with cosign 3 \
         and {PLAIN}, for bundles are not read"
    );
    let manifest = image.read(&image.manifest(puller, &tag).await.map_err(|_| FetchError::Signature(none))?)?;
    for layer in manifest.layers.iter().take(MOST) {
        let Some(signature) = layer.annotations.get(SIGNATURE) else { continue };
        let payload = image.blob(puller, layer, LARGEST_PAYLOAD).await?;
        if key.verify(&payload, signature).is_ok() && names(&payload, &image.digest) {
            return Ok(());
        }
    }
    Err(FetchError::Signature("none of its signatures is one of the configured key over this digest".into()))
}

/// Whether what was signed is that image.
fn names(payload: &[u8], digest: &str) -> bool {
    let payload: Value = serde_json::from_slice(payload).unwrap_or_default();
    payload.pointer("/critical/image/docker-manifest-digest").and_then(Value::as_str) == Some(digest)
}
