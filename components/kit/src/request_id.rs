//! The request's id: the client's own when it is fit for logs and headers, else a new one.

use http::HeaderMap;

/// Name of the header, in and out.
pub(crate) const HEADER: &str = "x-request-id";

/// The id that the client sent, when it is 1..128 of `[A-Za-z0-9._-]`.
pub(crate) fn accepted(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(HEADER)?.to_str().ok()?;
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    ((1..=128).contains(&id.len()) && id.bytes().all(fits)).then(|| id.to_owned())
}

/// The id of a request.
pub(crate) fn of(headers: &HeaderMap) -> String {
    accepted(headers).unwrap_or_else(|| image2model_domain::JobId::from_random(crate::random_bits()).as_task_id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_only_ids_that_are_safe_to_log() {
        let with = |id: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(HEADER, id.parse().unwrap());
            accepted(&headers)
        };
        assert_eq!(with("a.B_9-z").as_deref(), Some("a.B_9-z"));
        assert_eq!(with(&"x".repeat(128)).map(|id| id.len()), Some(128));
        for id in ["", "a b", "a{b", "é"] {
            assert_eq!(with(id), None, "{id}");
        }
        assert_eq!(with(&"x".repeat(129)), None);
        assert_eq!(accepted(&HeaderMap::new()), None);
    }
}
