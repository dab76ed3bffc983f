//! Conditional requests (RFC 9110 §13), in the order that §13.2.2 sets.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderMap;
use http::header::{HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE};

use crate::blobs::BlobMeta;

/// What the conditions come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Conditions {
    /// The blob is to be sent.
    Met,
    /// The client has this version already: 304.
    NotModified,
    /// It is not the version that the client wants: 412.
    Failed,
}

/// Judges the request's conditions.
pub(super) fn judge(headers: &HeaderMap, meta: &BlobMeta) -> Conditions {
    if is_unwanted(headers, &meta.etag, Some(meta.modified)) {
        return Conditions::Failed;
    }
    let had = match list(headers, IF_NONE_MATCH) {
        Some(known) => names(&known, |tag| tag.trim_start_matches("W/") == meta.etag),
        None => date(headers, IF_MODIFIED_SINCE).is_some_and(|since| seconds(meta.modified) <= since),
    };
    if had { Conditions::NotModified } else { Conditions::Met }
}

/// Whether it is not the version that the client wants. A weak tag names none, not even its own; without a date there is none
/// to go by.
pub(super) fn is_unwanted(headers: &HeaderMap, etag: &str, modified: Option<SystemTime>) -> bool {
    match list(headers, IF_MATCH) {
        Some(wanted) => !names(&wanted, |tag| tag == etag && !tag.starts_with("W/")),
        None => {
            let since = date(headers, IF_UNMODIFIED_SINCE);
            since.zip(modified).is_some_and(|(since, modified)| seconds(modified) > since)
        }
    }
}

/// The `Range` header, unless `If-Range` names another version.
pub(super) fn range<'a>(headers: &'a HeaderMap, meta: &BlobMeta) -> Option<&'a str> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let asked = text(RANGE)?;
    let Some(wanted) = text(IF_RANGE) else { return Some(asked) };
    let same = wanted == meta.etag || date(headers, IF_RANGE) == Some(seconds(meta.modified));
    same.then_some(asked)
}

/// All values of a header as one list.
fn list(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    let all: Vec<&str> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    (!all.is_empty()).then(|| all.join(","))
}

fn names(tags: &str, is_it: impl Fn(&str) -> bool) -> bool {
    tags.split(',').map(str::trim).any(|tag| tag == "*" || is_it(tag))
}

/// HTTP dates have whole seconds.
fn seconds(time: SystemTime) -> Duration {
    Duration::from_secs(time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs())
}

fn date(headers: &HeaderMap, name: HeaderName) -> Option<Duration> {
    headers.get(name)?.to_str().ok().and_then(|date| httpdate::parse_http_date(date).ok()).map(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta() -> BlobMeta {
        BlobMeta { size: 10, etag: "\"a\"".to_owned(), modified: UNIX_EPOCH + Duration::from_millis(100_500) }
    }

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name.clone(), value.parse().unwrap());
        }
        headers
    }

    fn judged(pairs: &[(HeaderName, &str)]) -> Conditions {
        judge(&headers(pairs), &meta())
    }

    #[test]
    fn a_known_version_is_not_sent_again() {
        for known in ["\"a\"", "W/\"a\"", "\"b\", \"a\"", "*"] {
            assert_eq!(judged(&[(IF_NONE_MATCH, known)]), Conditions::NotModified, "{known}");
        }
        assert_eq!(judged(&[(IF_NONE_MATCH, "\"b\""), (IF_NONE_MATCH, "\"a\"")]), Conditions::NotModified);
        let date = httpdate::fmt_http_date(meta().modified);
        assert_eq!(judged(&[(IF_MODIFIED_SINCE, &date)]), Conditions::NotModified);
        // The tag decides when both are there.
        assert_eq!(judged(&[(IF_NONE_MATCH, "\"b\""), (IF_MODIFIED_SINCE, &date)]), Conditions::Met);
        assert_eq!(judged(&[(IF_MODIFIED_SINCE, "yesterday")]), Conditions::Met);
        assert_eq!(judged(&[]), Conditions::Met);
    }

    #[test]
    fn another_version_than_the_wanted_is_not_sent() {
        let before = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(50));
        let after = httpdate::fmt_http_date(meta().modified);
        assert_eq!(judged(&[(IF_MATCH, "\"b\"")]), Conditions::Failed);
        assert_eq!(judged(&[(IF_MATCH, "W/\"a\"")]), Conditions::Failed);
        assert_eq!(judged(&[(IF_MATCH, "\"b\", \"a\"")]), Conditions::Met);
        assert_eq!(judged(&[(IF_MATCH, "*"), (IF_NONE_MATCH, "\"a\"")]), Conditions::NotModified);
        assert_eq!(judged(&[(IF_UNMODIFIED_SINCE, &before)]), Conditions::Failed);
        assert_eq!(judged(&[(IF_UNMODIFIED_SINCE, &after)]), Conditions::Met);
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
