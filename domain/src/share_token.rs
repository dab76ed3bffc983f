//! A shared link's token: lets whoever has it look at one job, and nothing else, until it expires or the job's links are
//! withdrawn.
//!
//! `<expiry, Unix seconds, in hex>.<links, in hex>.<HMAC-SHA-256 of job id, expiry and links, hex>`. `links` counts how often the
//! job's links were withdrawn: the guard reads it with the job, so that withdrawing works at once and everywhere, and nothing
//! has to be kept for a token.

use std::time::Duration;

use hmac::Mac;

use crate::access_token::mac_of;
use crate::ids::JobId;

/// How long a link may be good for: at least a minute, at most a week.
pub const SECONDS: std::ops::RangeInclusive<u64> = 60..=7 * DAY;

/// How long it is when nobody says.
pub const DEFAULT: Duration = Duration::from_secs(DAY);

const DAY: u64 = 86_400;

fn mac(secret: &str, job: &JobId, expiry: &str, links: &str) -> Option<impl Mac> {
    mac_of(secret, &["image2model share token", job.as_str(), expiry, links])
}

/// Makes a token for the job that is good until `expires_at` (Unix seconds), or until its links are withdrawn once more.
#[must_use]
pub fn issue(secret: &str, job: &JobId, expires_at: u64, links: u64) -> String {
    let (expiry, links) = (format!("{expires_at:x}"), format!("{links:x}"));
    let tag = mac(secret, job, &expiry, &links).map(|mac| hex::encode(mac.finalize().into_bytes())).unwrap_or_default();
    format!("{expiry}.{links}.{tag}")
}

/// Whether the token is one of ours, for this job, not withdrawn, and still good at `now` (Unix seconds). Takes constant time.
#[must_use]
pub fn verify(secret: &str, job: &JobId, token: &str, now: u64, withdrawn: u64) -> bool {
    let Some((expiry, (links, tag))) = token.split_once('.').and_then(|(e, rest)| Some((e, rest.split_once('.')?)))
    else {
        return false;
    };
    let (Ok(expires_at), Ok(of), Ok(tag)) =
        (u64::from_str_radix(expiry, 16), u64::from_str_radix(links, 16), hex::decode(tag))
    else {
        return false;
    };
    let is_ours = mac(secret, job, expiry, links).is_some_and(|mac| mac.verify_slice(&tag).is_ok());
    is_ours && now < expires_at && of == withdrawn
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access_token;

    #[test]
    fn opens_one_job_until_it_expires_or_is_withdrawn() {
        let (job, other) = (JobId::from_random([1; 16]), JobId::from_random([2; 16]));
        let token = issue("secret", &job, 1000, 2);
        assert!(verify("secret", &job, &token, 999, 2));
        assert!(!verify("secret", &job, &token, 1000, 2), "over");
        assert!(!verify("secret", &job, &token, 999, 3), "withdrawn");
        assert!(!verify("secret", &other, &token, 999, 2));
        assert!(!verify("another", &job, &token, 999, 2));
        assert!(!verify("secret", &job, &token.replacen("3e8", "fff", 1), 999, 2));
        assert!(!verify("secret", &job, &token.replacen(".2.", ".3.", 1), 999, 3));
        for text in ["", ".", "..", "x", "3e8.2", "3e8.2.", "3e8.2.zz"] {
            assert!(!verify("secret", &job, text, 1, 2), "{text}");
        }
    }

    #[test]
    fn neither_kind_of_token_is_taken_for_the_other() {
        let job = JobId::from_random([1; 16]);
        assert!(!access_token::verify("secret", &job, &issue("secret", &job, 1000, 0), 1));
        assert!(!verify("secret", &job, &access_token::issue("secret", &job, 1000), 1, 0));
    }
}
