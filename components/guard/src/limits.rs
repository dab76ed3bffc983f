//! Rate limits: which allowances a request is counted against, and what the answer says about them.
//!
//! `X-RateLimit-*` tell of the allowance with the least left, `-Reset` in Unix time, as the original's did; the IETF fields
//! (draft-ietf-httpapi-ratelimit-headers) name them all, and count seconds from now.

use image2model_domain::commands::{Admitted, Allowance, AllowanceUse};

use crate::bindings::{Budget, Header};
use crate::settings::Limits;

const MINUTE_MS: u32 = 60_000;
const HOUR_MS: u32 = 3_600_000;

/// An allowance with the name it has in headers.
pub(crate) struct Named {
    name: &'static str,
    pub(crate) allowance: Allowance,
}

fn named(name: &'static str, subject: &str, limit: u32, window_ms: u32) -> Named {
    Named { name, allowance: Allowance { key: format!("rate_limit:{subject}:{name}"), limit, window_ms } }
}

/// What a request of that budget is counted against. `subject` is the tenant, or an address when there is no key.
pub(crate) fn allowances(limits: Limits, budget: Budget, subject: &str) -> Vec<Named> {
    let minute = || named("minute", subject, limits.per_minute, MINUTE_MS);
    let hour = || named("hour", subject, limits.per_hour, HOUR_MS);
    let uploads = || named("uploads", subject, limits.uploads_per_minute, MINUTE_MS);
    let all = match budget {
        Budget::Uncounted => vec![],
        Budget::Standard | Budget::Stream => vec![minute(), hour()],
        Budget::Upload => vec![uploads(), minute(), hour()],
    };
    all.into_iter().filter(|n| n.allowance.limit > 0).collect()
}

/// What an attempt with a wrong key is counted against.
pub(crate) fn wrong_keys(limits: Limits, address: &str) -> Vec<Named> {
    vec![named("wrong-keys", &format!("address:{address}"), limits.wrong_keys_per_minute, MINUTE_MS)]
}

fn seconds(ms: u32) -> u64 {
    u64::from(ms).div_ceil(1000).max(1)
}

fn left(allowance: &Allowance, used: AllowanceUse) -> u32 {
    allowance.limit.saturating_sub(used.used)
}

/// Seconds until every used-up allowance starts anew.
pub(crate) fn retry_after(allowances: &[Named], found: &Admitted) -> u64 {
    let used_up = allowances.iter().zip(&found.uses).filter(|(n, u)| left(&n.allowance, **u) == 0);
    used_up.map(|(_, u)| seconds(u.reset_ms)).max().unwrap_or(1)
}

/// What the answer says about the allowances, at this time in ms since 1970.
pub(crate) fn headers(allowances: &[Named], found: &Admitted, now_ms: i64) -> Vec<Header> {
    let pairs = || allowances.iter().zip(&found.uses).map(|(n, u)| (n, *u));
    let Some((tightest, used)) = pairs().min_by_key(|(n, u)| left(&n.allowance, *u)) else { return vec![] };
    // Rounded up: at that second the allowance is there.
    let reset = (now_ms + i64::from(used.reset_ms) + 999) / 1000;
    let state = pairs().map(|(n, u)| format!("\"{}\";r={};t={}", n.name, left(&n.allowance, u), seconds(u.reset_ms)));
    let policy =
        allowances.iter().map(|n| format!("\"{}\";q={};w={}", n.name, n.allowance.limit, n.allowance.window_ms / 1000));
    [
        ("x-ratelimit-limit", tightest.allowance.limit.to_string()),
        ("x-ratelimit-remaining", left(&tightest.allowance, used).to_string()),
        ("x-ratelimit-reset", reset.to_string()),
        ("ratelimit", state.collect::<Vec<_>>().join(", ")),
        ("ratelimit-policy", policy.collect::<Vec<_>>().join(", ")),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { per_minute: 60, per_hour: 1000, uploads_per_minute: 10, wrong_keys_per_minute: 10 };

    fn found(uses: &[(u32, u32)]) -> Admitted {
        let uses = uses.iter().map(|(used, reset_ms)| AllowanceUse { used: *used, reset_ms: *reset_ms }).collect();
        Admitted { admitted: true, owner: String::new(), job_known: false, links: 0, uses }
    }

    #[test]
    fn an_upload_counts_as_a_request_too() {
        let keys = |budget| {
            let all = allowances(LIMITS, budget, "key:a");
            all.iter().map(|n| n.allowance.key.clone()).collect::<Vec<_>>()
        };
        assert_eq!(keys(Budget::Standard), ["rate_limit:key:a:minute", "rate_limit:key:a:hour"]);
        assert_eq!(keys(Budget::Stream), keys(Budget::Standard));
        assert_eq!(keys(Budget::Upload).len(), 3);
        assert!(keys(Budget::Uncounted).is_empty());
        assert!(allowances(Limits { per_minute: 0, per_hour: 0, ..LIMITS }, Budget::Standard, "x").is_empty());
    }

    #[test]
    fn headers_tell_of_the_tightest_and_name_all() {
        let all = allowances(LIMITS, Budget::Upload, "key:a");
        let headers = headers(&all, &found(&[(10, 1500), (12, 30_000), (12, 3_000_000)]), 1_795_171_580_000);
        let value = |name: &str| headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone()).unwrap();
        assert_eq!((value("x-ratelimit-limit"), value("x-ratelimit-remaining")), ("10".into(), "0".into()));
        assert_eq!(value("x-ratelimit-reset"), "1795171582");
        assert_eq!(value("ratelimit"), "\"uploads\";r=0;t=2, \"minute\";r=48;t=30, \"hour\";r=988;t=3000");
        assert_eq!(value("ratelimit-policy"), "\"uploads\";q=10;w=60, \"minute\";q=60;w=60, \"hour\";q=1000;w=3600");
    }

    #[test]
    fn waits_for_the_last_used_up_allowance() {
        let all = allowances(LIMITS, Budget::Standard, "key:a");
        assert_eq!(retry_after(&all, &found(&[(60, 20_000), (1000, 90_001)])), 91);
        assert_eq!(retry_after(&all, &found(&[(60, 20_000), (900, 90_000)])), 20);
    }
}
