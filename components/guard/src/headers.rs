//! Headers that every answer has, whatever it is.

use image2model_domain::browser_headers::HSTS;

use crate::bindings::Header;

/// What the pages need and no more: their own scripts and styles, pictures made in the page, models read from blobs.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; \
     connect-src 'self' blob: data:; worker-src 'self' blob:; font-src 'self'; manifest-src 'self'; \
     base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// As the guard's answer has them.
pub(crate) fn owned<V: Into<String>>(
    headers: impl IntoIterator<Item = (&'static str, V)>,
) -> impl Iterator<Item = Header> {
    headers.into_iter().map(|(name, value)| (name.to_owned(), value.into()))
}

/// Security headers; `secure` when the request came over TLS.
pub(crate) fn security(secure: bool) -> Vec<Header> {
    let mut headers: Vec<Header> = owned([
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("content-security-policy", CONTENT_SECURITY_POLICY),
    ])
    .collect();
    if secure {
        headers.extend(owned([HSTS]));
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hsts_only_over_tls() {
        let has = |secure| security(secure).iter().any(|(name, _)| name == "strict-transport-security");
        assert!(has(true) && !has(false));
    }

    #[test]
    fn the_policy_is_one_line() {
        assert!(!CONTENT_SECURITY_POLICY.contains("  ") && !CONTENT_SECURITY_POLICY.contains('\n'));
    }
}
