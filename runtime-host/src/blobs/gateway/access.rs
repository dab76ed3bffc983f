//! Who may call: whoever presents the token. Compared in constant time, over digests so that its length shows nothing.

use http::HeaderMap;
use http::header::AUTHORIZATION;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Whether the request carries `Authorization: Bearer <token>`.
pub(super) fn is_allowed(headers: &HeaderMap, token: &SecretString) -> bool {
    let presented =
        headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(bearer).unwrap_or_default();
    let same = Sha256::digest(presented).ct_eq(&Sha256::digest(token.expose_secret()));
    // An empty token would let everybody in.
    bool::from(same) && !token.expose_secret().is_empty()
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())])
    }

    #[test]
    fn only_the_token_opens() {
        let token = SecretString::from("t0ken");
        assert!(is_allowed(&headers("Bearer t0ken"), &token));
        assert!(is_allowed(&headers("bearer t0ken"), &token));
        for wrong in ["t0ken", "Bearer t0ke", "Bearer", "Basic t0ken"] {
            assert!(!is_allowed(&headers(wrong), &token), "{wrong}");
        }
        assert!(!is_allowed(&HeaderMap::new(), &token));
        assert!(!is_allowed(&headers("Bearer "), &SecretString::from("")));
    }
}
