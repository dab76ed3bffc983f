//! Secrets and signatures of webhooks, in the form of Standard Webhooks: the secret is `whsec_` and base64 of 32 bytes, the
//! signature `v1,` and base64 of the HMAC-SHA-256 of `{id}.{timestamp}.{body}`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// What every secret begins with.
pub const SECRET_PREFIX: &str = "whsec_";

/// The secret of one caller's webhooks: the same for all of the caller's jobs, and no other caller's.
#[must_use]
pub fn secret_of(signing_secret: &str, caller: &str) -> String {
    let message = format!("image2model webhook secret\n{caller}");
    format!("{SECRET_PREFIX}{}", STANDARD.encode(mac(signing_secret.as_bytes(), &[message.as_bytes()])))
}

/// A secret of random bits, where callers have no keys that would tell them apart.
#[must_use]
pub fn secret_from_bits(bits: &[u8]) -> String {
    format!("{SECRET_PREFIX}{}", STANDARD.encode(bits))
}

/// The value of `webhook-signature` for a delivery. `timestamp` in seconds since 1970. A secret that is not in the form
/// above is used as it stands.
#[must_use]
pub fn sign(secret: &str, id: &str, timestamp: u64, body: &[u8]) -> String {
    let encoded = secret.strip_prefix(SECRET_PREFIX).unwrap_or(secret);
    let key = STANDARD.decode(encoded).unwrap_or_else(|_| secret.as_bytes().to_vec());
    let head = format!("{id}.{timestamp}.");
    format!("v1,{}", STANDARD.encode(mac(&key, &[head.as_bytes(), body])))
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    // HMAC takes keys of any length, so there is no error to come.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_as_the_specification_shows() {
        // The example of the Standard Webhooks specification.
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let signature = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn every_caller_has_a_secret_of_its_own() {
        let one = secret_of("s", "a");
        assert_eq!(one, secret_of("s", "a"));
        assert!(one != secret_of("s", "b") && one != secret_of("t", "a"));
        assert_eq!(STANDARD.decode(one.trim_start_matches(SECRET_PREFIX)).unwrap().len(), 32);
        assert!(secret_from_bits(&[7; 32]).starts_with(SECRET_PREFIX));
    }
}
