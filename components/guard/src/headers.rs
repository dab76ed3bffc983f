//! Headers that every answer has, whatever it is.

use image2model_domain::browser_headers::{HSTS, page_policy};

use crate::bindings::Header;

/// As the guard's answer has them.
pub(crate) fn owned<V: Into<String>>(
    headers: impl IntoIterator<Item = (&'static str, V)>,
) -> impl Iterator<Item = Header> {
    headers.into_iter().map(|(name, value)| (name.to_owned(), value.into()))
}

/// Security headers; `secure` when the request came over TLS.
pub(crate) fn security(secure: bool) -> Vec<Header> {
    let mut headers: Vec<Header> =
        owned([("x-content-type-options", "nosniff"), ("x-frame-options", "DENY"), ("referrer-policy", "no-referrer")])
            .collect();
    headers.extend(owned([("content-security-policy", page_policy(""))]));
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
}
