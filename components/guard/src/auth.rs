//! Who is calling: the bearer key, compared in constant time and known from then on only by its digest.

use image2model_domain::digest::{same_secret, sha256_hex};

use crate::bindings::{Level, Role};
use crate::refusal::Refusal;
use crate::settings::Settings;

/// What the `Authorization` header holds.
#[derive(Debug, PartialEq, Eq)]
enum Presented<'a> {
    Nothing,
    Malformed,
    Key(&'a str),
}

fn presented(authorization: Option<&str>) -> Presented<'_> {
    let Some(value) = authorization.map(str::trim).filter(|v| !v.is_empty()) else { return Presented::Nothing };
    match value.split_once(' ') {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") && !key.trim().is_empty() => {
            Presented::Key(key.trim())
        }
        _ => Presented::Malformed,
    }
}

/// A caller, as far as they are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) role: Role,
    /// SHA-256 of the key in hex.
    pub(crate) key_hash: Option<String>,
}

impl Caller {
    pub(crate) fn anonymous() -> Self {
        Self { role: Role::Anonymous, key_hash: None }
    }

    /// The tenant: the name that jobs, queues and allowances have.
    pub(crate) fn tenant(&self) -> String {
        let digits = self.key_hash.as_deref().and_then(|hash| hash.get(..32));
        digits.map_or_else(|| "anonymous".to_owned(), |digits| format!("key:{digits}"))
    }
}

/// Says who is calling, or why they may not call a route of that level.
pub(crate) fn identify(settings: &Settings, level: Level, authorization: Option<&str>) -> Result<Caller, Refusal> {
    if settings.lets_everybody_in() {
        return Ok(Caller::anonymous());
    }
    let known = match presented(authorization) {
        Presented::Key(key) => known(settings, key),
        // Whether an open route or a job's id needs no key is decided where no key is presented.
        Presented::Nothing if matches!(level, Level::Open | Level::Owner) => return Ok(Caller::anonymous()),
        Presented::Malformed if level == Level::Open => return Ok(Caller::anonymous()),
        Presented::Nothing | Presented::Malformed => return Err(Refusal::NotAuthenticated),
    };
    match (level, known) {
        (Level::Open, known) => Ok(known.unwrap_or_else(Caller::anonymous)),
        (Level::Admin, Some(caller)) if caller.role == Role::Admin => Ok(caller),
        (Level::Admin, _) => Err(Refusal::InvalidAdminKey),
        (_, Some(caller)) => Ok(caller),
        (_, None) => Err(Refusal::InvalidKey),
    }
}

/// Both comparisons are always made, so that time does not tell which key was nearly right.
fn known(settings: &Settings, key: &str) -> Option<Caller> {
    let is = |configured: &Option<String>| configured.as_deref().is_some_and(|c| same_secret(c, key));
    let (admin, user) = (is(&settings.admin_api_key), is(&settings.api_key));
    let role = if admin { Role::Admin } else { Role::User };
    (admin || user).then(|| Caller { role, key_hash: Some(sha256_hex(key.as_bytes())) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::tests::settings;

    fn role(level: Level, authorization: Option<&str>) -> Result<Role, Refusal> {
        identify(&settings("user-key", "admin-key"), level, authorization).map(|caller| caller.role)
    }

    #[test]
    fn keys_open_their_levels() {
        assert_eq!(role(Level::User, Some("Bearer user-key")), Ok(Role::User));
        assert_eq!(role(Level::User, Some("bEARER  admin-key ")), Ok(Role::Admin));
        assert_eq!(role(Level::Admin, Some("Bearer admin-key")), Ok(Role::Admin));
        assert_eq!(role(Level::Open, Some("Bearer wrong")), Ok(Role::Anonymous));
        assert_eq!(role(Level::Owner, None), Ok(Role::Anonymous));
    }

    #[test]
    fn refuses_in_the_contracts_words() {
        for nothing in [None, Some(""), Some("user-key"), Some("Basic dXNlcg=="), Some("Bearer "), Some("Bearer")] {
            assert_eq!(role(Level::User, nothing), Err(Refusal::NotAuthenticated), "{nothing:?}");
        }
        assert_eq!(role(Level::Owner, Some("Basic x")), Err(Refusal::NotAuthenticated));
        assert_eq!(role(Level::User, Some("Bearer wrong")), Err(Refusal::InvalidKey));
        assert_eq!(role(Level::Owner, Some("Bearer wrong")), Err(Refusal::InvalidKey));
        assert_eq!(role(Level::Admin, Some("Bearer user-key")), Err(Refusal::InvalidAdminKey));
        assert_eq!(role(Level::Admin, Some("Bearer wrong")), Err(Refusal::InvalidAdminKey));
    }

    #[test]
    fn without_keys_development_lets_everybody_in_and_a_missing_admin_key_opens_nothing() {
        let everybody = identify(&settings("", ""), Level::Admin, Some("Bearer anything"));
        assert_eq!(everybody, Ok(Caller::anonymous()));
        assert_eq!(identify(&settings("k", ""), Level::Admin, Some("Bearer ")), Err(Refusal::NotAuthenticated));
        assert_eq!(identify(&settings("k", ""), Level::Admin, Some("Bearer k")), Err(Refusal::InvalidAdminKey));
    }

    #[test]
    fn the_tenant_is_named_by_the_keys_digest() {
        let caller = identify(&settings("k", ""), Level::User, Some("Bearer k")).unwrap();
        assert_eq!(caller.tenant(), format!("key:{}", &sha256_hex(b"k")[..32]));
        assert_eq!(Caller::anonymous().tenant(), "anonymous");
    }
}
