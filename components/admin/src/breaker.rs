//! The breaker that all workers share, as operators and probes read it: what holds submits back, since when, and until when.

use image2model_domain::commands::Breaker;
use image2model_domain::time::rfc3339;
use serde_json::{Value, json};

/// Null while nothing is held back. `until` is null once single files are let through to see whether it is over.
pub(crate) fn shown(breaker: Option<&Breaker>, now_ms: i64) -> Value {
    breaker.map_or(Value::Null, |breaker| {
        let left = i64::try_from(breaker.left_ms).unwrap_or(i64::MAX);
        json!({
            "kind": breaker.kind,
            "since": rfc3339(breaker.since),
            "until": (!breaker.half_open).then(|| rfc3339(now_ms.saturating_add(left))),
            "probing": breaker.half_open,
        })
    })
}

/// In one word, as the workers say it of themselves.
pub(crate) fn word(breaker: &Breaker) -> &'static str {
    if breaker.half_open { "half_open" } else { "open" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image2model_domain::commands::BreakerKind;

    #[test]
    fn says_why_and_until_when_or_that_it_is_being_tried() {
        let open = Breaker { kind: BreakerKind::Account, since: 0, left_ms: 1500, half_open: false };
        let said = shown(Some(&open), 500);
        assert_eq!((&said["kind"], &said["until"]), (&json!("account"), &json!("1970-01-01T00:00:02.000Z")));
        let trying = Breaker { left_ms: 0, half_open: true, ..open };
        let said = shown(Some(&trying), 500);
        assert_eq!((&said["until"], &said["probing"]), (&Value::Null, &json!(true)));
        assert_eq!((shown(None, 0), word(&open), word(&trying)), (Value::Null, "open", "half_open"));
    }
}
