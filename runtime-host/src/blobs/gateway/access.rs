//! Who may call: whoever presents the token.

use http::HeaderMap;
use http::header::AUTHORIZATION;
use image2model_domain::bearer::{Presented, presented};
use image2model_domain::digest::same_secret;
use secrecy::{ExposeSecret, SecretString};

/// Whether the request carries `Authorization: Bearer <token>`.
pub(super) fn is_allowed(headers: &HeaderMap, token: &SecretString) -> bool {
    let sent = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    // What is presented is never empty, so an empty token lets nobody in.
    matches!(presented(sent), Presented::Key(key) if same_secret(key, token.expose_secret()))
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
