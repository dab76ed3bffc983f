//! A browser's session in place of a key: whose it is, what it opens, and that it was our own page that sent it.
//!
//! The browser sends its cookie by itself, so a request that has one is believed only when the browser also says that it
//! comes from this service's pages. `SameSite=Strict` keeps other sites' requests from having it at all; this is for those
//! that it does not see: neighbours below the same domain, and older browsers.

use image2model_domain::api_key::{KeyLimits, KeyRole, KeyState, hash_of};
use image2model_domain::browser_session::presented;
use image2model_domain::commands::{FindSession, FoundSession};
use image2model_domain::digest::same_secret;
use image2model_kit::redis::{self, RedisError};

use crate::auth::{Caller, Credential, role};
use crate::bindings::Facts;
use crate::settings::Settings;

/// What the request's cookie is worth, for a request that presents no key.
pub(crate) async fn credential(settings: &Settings, facts: &Facts, secure: bool) -> Result<Credential, RedisError> {
    let Some(secret) = presented(facts.cookie.as_deref(), secure) else { return Ok(Credential::Missing) };
    if !is_own_page(facts) {
        return Ok(Credential::Foreign);
    }
    let found = redis::run(&FindSession(&hash_of(secret))).await?;
    // One that is over is as good as none: what is open without a key stays so.
    Ok(found.and_then(|found| caller(settings, found)).map_or(Credential::Missing, Credential::Known))
}

/// Whom a session stands for, as long as its key opens anything.
fn caller(settings: &Settings, FoundSession { session, key }: FoundSession) -> Option<Caller> {
    let (key_role, limits) = match key {
        Some(key) => (Some(key.role).filter(|_| key.state == KeyState::Active), key.limits),
        None => (configured(settings, &session.key_hash), KeyLimits::default()),
    };
    let narrower = match (key_role?, session.role) {
        (KeyRole::Admin, KeyRole::Admin) => KeyRole::Admin,
        _ => KeyRole::User,
    };
    Some(Caller::of_key(session.key_hash, role(narrower), limits))
}

/// What the key of the configuration with this SHA-256 opens. One that was exchanged meanwhile takes its sessions along.
fn configured(settings: &Settings, hash: &str) -> Option<KeyRole> {
    let is = |key: &Option<String>| key.as_deref().is_some_and(|key| same_secret(&hash_of(key), hash));
    let (admin, user) = (is(&settings.admin_api_key), is(&settings.api_key));
    (admin || user).then_some(if admin { KeyRole::Admin } else { KeyRole::User })
}

/// Whether the browser says that the request comes from a page of this service, or from the person themselves. Old browsers
/// say less, and on plain HTTP all of them do: what only reads is then believed, as `SameSite` has kept others out.
fn is_own_page(facts: &Facts) -> bool {
    if let Some(site) = facts.fetch_site.as_deref() {
        return matches!(site, "same-origin" | "none");
    }
    match facts.origin.as_deref() {
        Some(origin) => facts.host.as_deref().is_some_and(|host| has_authority(origin, host)),
        None => matches!(facts.method.as_str(), "GET" | "HEAD"),
    }
}

/// Whether the origin is of that name and port.
fn has_authority(origin: &str, host: &str) -> bool {
    let usual = |scheme: &str| if scheme == "https" { ":443" } else { ":80" };
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    // Browsers leave the usual port out of the origin; a proxy may have written it into the host.
    authority.eq_ignore_ascii_case(host.strip_suffix(usual(scheme)).unwrap_or(host))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::Role;
    use crate::check::tests::facts;
    use crate::settings::tests::settings;
    use image2model_domain::browser_session::BrowserSession;

    fn found(key: &str, role: KeyRole) -> FoundSession {
        FoundSession { session: BrowserSession { key_hash: hash_of(key), role, expires_at: 0 }, key: None }
    }

    #[test]
    fn a_session_opens_no_more_than_it_was_opened_for_and_no_more_than_its_key() {
        let role = |key: &str, wanted| caller(&settings("user-key", "admin-key"), found(key, wanted)).map(|c| c.role);
        assert_eq!(role("admin-key", KeyRole::Admin), Some(Role::Admin));
        assert_eq!(role("admin-key", KeyRole::User), Some(Role::User));
        assert_eq!(role("user-key", KeyRole::Admin), Some(Role::User));
        assert_eq!(role("the-key-before", KeyRole::User), None, "the configured key was exchanged");
        let of = caller(&settings("user-key", ""), found("user-key", KeyRole::User)).unwrap();
        assert_eq!(of.key_hash, Some(hash_of("user-key")), "it owns what its key owns");
    }

    fn sent(method: &str, site: Option<&str>, origin: Option<&str>) -> bool {
        let text = |value: Option<&str>| value.map(str::to_owned);
        is_own_page(&Facts {
            method: method.into(),
            fetch_site: text(site),
            origin: text(origin),
            host: text(Some("models.example:8443")),
            ..facts()
        })
    }

    #[test]
    fn only_our_own_pages_use_the_cookie() {
        for method in ["GET", "POST", "DELETE"] {
            assert!(sent(method, Some("same-origin"), Some("https://models.example:8443")), "{method}");
            assert!(sent(method, None, Some("https://MODELS.example:8443")), "{method}");
            for site in ["cross-site", "same-site", "", "unheard-of"] {
                assert!(!sent(method, Some(site), Some("https://models.example:8443")), "{method} {site}");
            }
            for origin in
                ["null", "https://models.example", "https://evil.example", "https://models.example:8443.evil.example"]
            {
                assert!(!sent(method, None, Some(origin)), "{method} {origin}");
            }
        }
        assert!(sent("GET", None, None) && !sent("POST", None, None) && !sent("DELETE", None, None));
    }

    #[test]
    fn the_usual_port_may_be_written_or_not() {
        assert!(has_authority("https://models.example", "models.example:443"));
        assert!(has_authority("http://models.example", "models.example:80"));
        assert!(!has_authority("http://models.example", "models.example:443"));
        assert!(!has_authority("https://models.example", "models.example:444"));
    }
}
