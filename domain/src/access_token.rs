//! A job's access token: lets somebody without a key follow one job until the job expires.
//!
//! `<expiry, Unix seconds, in hex>.<HMAC-SHA-256 of job id and expiry, hex>`: for clients that cannot send headers, like
//! EventSource. It names no key and works for one job only.

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::digest::sha256_hex;
use crate::ids::JobId;

/// The secret that tokens are made with: the configured one, else one derived from the configured keys, so that every host
/// has the same. `None` when there is neither: then every caller is let in, and there is nothing a token could open.
#[must_use]
pub fn signing_secret(configured: &str, api_key: &str, admin_api_key: &str) -> Option<String> {
    match (configured, api_key, admin_api_key) {
        ("", "", "") => None,
        ("", user, admin) => Some(sha256_hex(format!("image2model token secret\n{user}\n{admin}").as_bytes())),
        (secret, ..) => Some(secret.to_owned()),
    }
}

fn mac(secret: &str, job: &JobId, expiry: &str) -> Option<Hmac<Sha256>> {
    mac_of(secret, &["image2model access token", job.as_str(), expiry])
}

/// Over the parts, a line each; the first says what kind of token it is, so that none is taken for another.
pub(crate) fn mac_of(secret: &str, parts: &[&str]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    mac.update(parts.join("\n").as_bytes());
    Some(mac)
}

/// Makes a token for the job that is good until `expires_at` (Unix seconds).
#[must_use]
pub fn issue(secret: &str, job: &JobId, expires_at: u64) -> String {
    let expiry = format!("{expires_at:x}");
    let tag = mac(secret, job, &expiry).map(|m| hex::encode(m.finalize().into_bytes())).unwrap_or_default();
    format!("{expiry}.{tag}")
}

/// Whether the token is one of ours, for this job, and still good at `now` (Unix seconds). Takes constant time.
#[must_use]
pub fn verify(secret: &str, job: &JobId, token: &str, now: u64) -> bool {
    let Some((expiry, tag)) = token.split_once('.') else { return false };
    let (Ok(expires_at), Ok(tag)) = (u64::from_str_radix(expiry, 16), hex::decode(tag)) else { return false };
    mac(secret, job, expiry).is_some_and(|m| m.verify_slice(&tag).is_ok()) && now < expires_at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_configured_or_derived_from_the_keys() {
        assert_eq!(signing_secret("s", "k", "").as_deref(), Some("s"));
        assert_eq!(signing_secret("", "", ""), None);
        let derived = signing_secret("", "k", "a");
        assert!(
            derived.is_some() && derived != signing_secret("", "ka", "") && derived != signing_secret("", "", "ka")
        );
    }

    #[test]
    fn opens_one_job_until_it_expires() {
        let (job, other) = (JobId::from_random([1; 16]), JobId::from_random([2; 16]));
        let token = issue("secret", &job, 1000);
        assert!(verify("secret", &job, &token, 999));
        assert!(!verify("secret", &job, &token, 1000));
        assert!(!verify("secret", &other, &token, 999));
        assert!(!verify("another", &job, &token, 999));
        assert!(!verify("secret", &job, &token.replacen("3e8", "fff", 1), 999));
        for text in ["", ".", "x", "3e8.", "3e8.zz"] {
            assert!(!verify("secret", &job, text, 1), "{text}");
        }
    }
}
