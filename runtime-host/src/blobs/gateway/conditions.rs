//! Conditional requests (RFC 9110 §13): `If-None-Match`, `If-Modified-Since` and `If-Range`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderMap;
use http::header::{HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, RANGE};

use crate::blobs::BlobMeta;

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// HTTP dates have whole seconds.
fn seconds(time: SystemTime) -> Duration {
    Duration::from_secs(time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs())
}

/// The client has this version already: 304.
pub(super) fn not_modified(headers: &HeaderMap, meta: &BlobMeta) -> bool {
    if let Some(known) = text(headers, IF_NONE_MATCH) {
        let weak = |tag: &str| tag.trim().trim_start_matches("W/") == meta.etag;
        return known.trim() == "*" || known.split(',').any(weak);
    }
    let since = text(headers, IF_MODIFIED_SINCE).and_then(|date| httpdate::parse_http_date(date).ok());
    since.is_some_and(|since| seconds(meta.modified) <= seconds(since))
}

/// The `Range` header, unless `If-Range` names another version.
pub(super) fn range<'a>(headers: &'a HeaderMap, meta: &BlobMeta) -> Option<&'a str> {
    let asked = text(headers, RANGE)?;
    let Some(wanted) = text(headers, IF_RANGE) else { return Some(asked) };
    let same = wanted == meta.etag
        || httpdate::parse_http_date(wanted).is_ok_and(|date| seconds(date) == seconds(meta.modified));
    same.then_some(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta() -> BlobMeta {
        BlobMeta { size: 10, etag: "\"a\"".to_owned(), modified: UNIX_EPOCH + Duration::from_millis(1_500) }
    }

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_known_version_is_not_sent_again() {
        for known in ["\"a\"", "W/\"a\"", "\"b\", \"a\"", "*"] {
            assert!(not_modified(&headers(&[(IF_NONE_MATCH, known)]), &meta()), "{known}");
        }
        let date = httpdate::fmt_http_date(meta().modified);
        assert!(not_modified(&headers(&[(IF_MODIFIED_SINCE, &date)]), &meta()));
        // The tag decides when both are there.
        assert!(!not_modified(&headers(&[(IF_NONE_MATCH, "\"b\""), (IF_MODIFIED_SINCE, &date)]), &meta()));
        assert!(!not_modified(&HeaderMap::new(), &meta()));
    }

    #[test]
    fn a_range_of_another_version_is_ignored() {
        let date = httpdate::fmt_http_date(meta().modified);
        for (wanted, kept) in [("\"a\"", true), ("\"b\"", false), ("W/\"a\"", false), (date.as_str(), true)] {
            let headers = headers(&[(RANGE, "bytes=0-1"), (IF_RANGE, wanted)]);
            assert_eq!(range(&headers, &meta()).is_some(), kept, "{wanted}");
        }
    }
}
