//! A browser's session: what the pages have in place of a key.
//!
//! A key is shown once, to open a session; from then on the browser sends a cookie that no script can read, that no other
//! site can make it send, and that opens less, for less long, than the key. Kept is the cookie's SHA-256, never itself. Bounded
//! by [`ADMIN_SECONDS`] and the configured lifetime, and by the key it stands for, which is looked at each time.

use crate::api_key::{KeyRole, is_secret, secret};

/// What every session's secret begins with, so that people and secret scanners recognise one.
const PREFIX: &str = "i2s_";

/// The cookie's name over TLS. Browsers take a name that begins so from the very host only, over TLS, for every path: a
/// neighbour below the same domain cannot plant one.
const SECURE_COOKIE: &str = "__Host-image2model_session";

/// The cookie's name where there is no TLS, and so no `__Host-`.
const PLAIN_COOKIE: &str = "image2model_session";

/// The longest that an admin's session lasts, seconds.
pub const ADMIN_SECONDS: u64 = 3600;

/// What is kept of a session. Times are in milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrowserSession {
    /// SHA-256 in hex of the key that it stands for.
    pub key_hash: String,
    /// What it opens, at most; the key may open less by now.
    pub role: KeyRole,
    /// From when on it opens nothing.
    pub expires_at: i64,
}

/// A new session's secret, of 256 random bits.
#[must_use]
pub fn from_random(bits: [u8; 32]) -> String {
    secret(PREFIX, bits)
}

/// The fields of a `Cookie` header as one. Over HTTP/2 and 3 they may come one by one (RFC 9113 section 8.2.3), and mean then
/// what they mean with `; ` between them.
#[must_use]
pub fn joined<'a>(fields: impl IntoIterator<Item = &'a str>) -> Option<String> {
    fields.into_iter().map(str::to_owned).reduce(|all, field| format!("{all}; {field}"))
}

/// The session's secret in a `Cookie` header, when there is one that may be ours; `secure` when the request came over TLS,
/// where a cookie without the protection of its name counts for nothing.
#[must_use]
pub fn presented(cookies: Option<&str>, secure: bool) -> Option<&str> {
    let named = |wanted: &str| {
        let pairs = cookies?.split(';').filter_map(|pair| pair.trim().split_once('='));
        pairs.filter(|(name, _)| *name == wanted).map(|(_, value)| value).find(|value| is_secret(PREFIX, value))
    };
    named(SECURE_COOKIE).or_else(|| if secure { None } else { named(PLAIN_COOKIE) })
}

/// The `Set-Cookie` header that gives a browser a session for so many seconds.
#[must_use]
pub fn set_cookie(secret: &str, seconds: u64, secure: bool) -> String {
    let (name, over_tls) = if secure { (SECURE_COOKIE, "; Secure") } else { (PLAIN_COOKIE, "") };
    format!("{name}={secret}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{over_tls}")
}

/// The `Set-Cookie` header that takes it away again.
#[must_use]
pub fn forget_cookie(secure: bool) -> String {
    set_cookie("", 0, secure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_among_others_and_by_its_own_name_only() {
        let session = from_random([7; 32]);
        let plain = format!("theme=dark; image2model_session={session}; x=y");
        assert_eq!(presented(Some(&plain), false), Some(session.as_str()));
        assert_eq!(presented(Some(&plain), true), None, "over TLS a neighbour may have planted it");
        let both = format!("image2model_session=i2s_planted; __Host-image2model_session={session}");
        for secure in [true, false] {
            assert_eq!(presented(Some(&both), secure), Some(session.as_str()));
        }
        for none in ["", "image2model_session", "image2model_session=", "image2model_session=i2s_short", "x=1;;"] {
            assert_eq!(presented(Some(none), false), None, "{none}");
        }
        assert_eq!(presented(None, false), None);
        assert_eq!(presented(Some(&plain.replace("i2s_", "i2m_")), false), None, "a key is no session");
    }

    #[test]
    fn a_cookie_is_found_in_a_field_of_its_own() {
        let cookie = format!("image2model_session={}", from_random([7; 32]));
        let joined = joined(["theme=dark", &cookie, "x=y"]);
        assert_eq!(joined.as_deref(), Some(format!("theme=dark; {cookie}; x=y").as_str()));
        assert!(presented(joined.as_deref(), false).is_some());
        assert_eq!(super::joined([]), None);
    }

    #[test]
    fn no_script_reads_it_and_no_other_site_sends_it() {
        let over_tls = set_cookie("s", 60, true);
        assert_eq!(over_tls, "__Host-image2model_session=s; Path=/; Max-Age=60; HttpOnly; SameSite=Strict; Secure");
        let plain = set_cookie("s", 60, false);
        assert!(plain.contains("HttpOnly; SameSite=Strict") && !plain.contains("Secure"), "{plain}");
        assert!(forget_cookie(false).starts_with("image2model_session=; Path=/; Max-Age=0;"));
    }
}
