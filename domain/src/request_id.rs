//! The id that names one request in logs, records and answers.

/// Name of the header, in and out.
pub const HEADER: &str = "x-request-id";

/// Whether an id that a client sent is taken over: 1..128 of `[A-Za-z0-9._-]`, safe in a header and in a log line.
#[must_use]
pub fn is_acceptable(id: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    (1..=128).contains(&id.len()) && id.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_only_ids_that_are_safe_to_log() {
        assert!(is_acceptable("a.B_9-z") && is_acceptable(&"x".repeat(128)));
        for id in ["", "a b", "a{b", "é", "a\nb", &"x".repeat(129)] {
            assert!(!is_acceptable(id), "{id}");
        }
    }
}
