//! The `Authorization` header (RFC 6750): `Bearer <key>`, the scheme in any case.

/// What the header holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Presented<'a> {
    /// There is none, or nothing in it.
    Nothing,
    /// Something else than a bearer key.
    Malformed,
    /// A key, not yet known to be one that opens anything.
    Key(&'a str),
}

/// Reads the header.
#[must_use]
pub fn presented(authorization: Option<&str>) -> Presented<'_> {
    let Some(value) = authorization.map(str::trim).filter(|v| !v.is_empty()) else { return Presented::Nothing };
    match value.split_once(' ') {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") && !key.trim().is_empty() => {
            Presented::Key(key.trim())
        }
        _ => Presented::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bearer_keys_are_keys() {
        assert_eq!(presented(Some("bEARER  a-key ")), Presented::Key("a-key"));
        for nothing in [None, Some(""), Some("  ")] {
            assert_eq!(presented(nothing), Presented::Nothing);
        }
        for malformed in ["Bearer", "Bearer ", "a-key", "Basic dXNlcg==", "Bearera-key"] {
            assert_eq!(presented(Some(malformed)), Presented::Malformed, "{malformed}");
        }
    }
}
