//! Who is calling: the bearer key, compared in constant time and known from then on only by its digest.
//!
//! The keys of the configuration are known here; what may be an issued key is looked up by whoever asks (`check`), and so is
//! the session of a browser that presents no key (`session`).

use image2model_domain::api_key::{ApiKey, KeyLimits, KeyRole, KeyState, hash_of, may_be_issued, tenant_of};
use image2model_domain::bearer::{Presented, presented};
use image2model_domain::digest::same_secret;

use crate::bindings::{Level, Role};
use crate::refusal::Refusal;
use crate::settings::Settings;

/// A caller, as far as they are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) role: Role,
    /// SHA-256 of the key in hex.
    pub(crate) key_hash: Option<String>,
    /// The key's own limits.
    pub(crate) limits: KeyLimits,
}

impl Caller {
    pub(crate) fn anonymous() -> Self {
        Self { role: Role::Anonymous, key_hash: None, limits: KeyLimits::default() }
    }

    pub(crate) fn of_key(hash: String, role: Role, limits: KeyLimits) -> Self {
        Self { role, key_hash: Some(hash), limits }
    }

    /// The tenant: the name that jobs, queues and allowances have.
    pub(crate) fn tenant(&self) -> String {
        self.key_hash.as_deref().map_or_else(|| "anonymous".to_owned(), tenant_of)
    }
}

/// What a request has to show for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Credential {
    /// Nobody has to show anything.
    Unneeded,
    Missing,
    Malformed,
    /// A key of the configuration, an issued one that was found and opens something, or a session of either.
    Known(Caller),
    /// A session, but the request comes from somebody else's page.
    Foreign,
    /// What may be an issued key: its SHA-256 in hex, to be looked up.
    Issued(String),
    Wrong,
}

impl Credential {
    /// What the header says, as far as the configuration tells.
    pub(crate) fn of(settings: &Settings, authorization: Option<&str>) -> Self {
        if settings.lets_everybody_in() {
            return Self::Unneeded;
        }
        match presented(authorization) {
            Presented::Nothing => Self::Missing,
            Presented::Malformed => Self::Malformed,
            Presented::Key(key) => match configured(settings, key) {
                Some(caller) => Self::Known(caller),
                None if may_be_issued(key) => Self::Issued(hash_of(key)),
                None => Self::Wrong,
            },
        }
    }

    /// An issued key after it was looked up. One that is expired or revoked is as good as any wrong one.
    pub(crate) fn looked_up(hash: String, found: Option<ApiKey>) -> Self {
        match found.filter(|key| key.state == KeyState::Active) {
            Some(key) => Self::Known(Caller::of_key(hash, role(key.role), key.limits)),
            None => Self::Wrong,
        }
    }

    /// Who is calling, or why they may not call a route of that level.
    pub(crate) fn caller(self, level: Level) -> Result<Caller, Refusal> {
        match (level, self) {
            (_, Self::Unneeded) => Ok(Caller::anonymous()),
            (Level::Admin, Self::Known(caller)) if caller.role != Role::Admin => Err(Refusal::InvalidAdminKey),
            (_, Self::Known(caller)) => Ok(caller),
            // Whether an open route or a job's id needs no key is decided where no key is presented.
            (Level::Open, _) | (Level::Owner, Self::Missing) => Ok(Caller::anonymous()),
            (_, Self::Missing | Self::Malformed) => Err(Refusal::NotAuthenticated),
            (_, Self::Foreign) => Err(Refusal::CrossSite),
            (Level::Admin, Self::Issued(_) | Self::Wrong) => Err(Refusal::InvalidAdminKey),
            (_, Self::Issued(_) | Self::Wrong) => Err(Refusal::InvalidKey),
        }
    }
}

pub(crate) fn role(role: KeyRole) -> Role {
    match role {
        KeyRole::User => Role::User,
        KeyRole::Admin => Role::Admin,
    }
}

/// Both comparisons are always made, so that time does not tell which key was nearly right.
fn configured(settings: &Settings, key: &str) -> Option<Caller> {
    let is = |configured: &Option<String>| configured.as_deref().is_some_and(|c| same_secret(c, key));
    let (admin, user) = (is(&settings.admin_api_key), is(&settings.api_key));
    let role = if admin { Role::Admin } else { Role::User };
    (admin || user).then(|| Caller::of_key(hash_of(key), role, KeyLimits::default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::tests::settings;

    fn caller(settings: &Settings, level: Level, authorization: Option<&str>) -> Result<Caller, Refusal> {
        Credential::of(settings, authorization).caller(level)
    }

    fn role(level: Level, authorization: Option<&str>) -> Result<Role, Refusal> {
        caller(&settings("user-key", "admin-key"), level, authorization).map(|caller| caller.role)
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
        let everybody = caller(&settings("", ""), Level::Admin, Some("Bearer anything"));
        assert_eq!(everybody, Ok(Caller::anonymous()));
        assert_eq!(caller(&settings("k", ""), Level::Admin, Some("Bearer ")), Err(Refusal::NotAuthenticated));
        assert_eq!(caller(&settings("k", ""), Level::Admin, Some("Bearer k")), Err(Refusal::InvalidAdminKey));
    }

    #[test]
    fn the_tenant_is_named_by_the_keys_digest() {
        let caller = caller(&settings("k", ""), Level::User, Some("Bearer k")).unwrap();
        assert_eq!(caller.tenant(), format!("key:{}", &hash_of("k")[..32]));
        assert_eq!(Caller::anonymous().tenant(), "anonymous");
    }

    fn issued(role: KeyRole, state: KeyState) -> Credential {
        let key = ApiKey {
            id: "i".into(),
            name: "n".into(),
            role,
            state,
            created_at: 0,
            created_by: String::new(),
            expires_at: None,
            revoked_at: None,
            last_used_at: None,
            limits: KeyLimits { per_minute: Some(5), ..KeyLimits::default() },
        };
        Credential::looked_up("ab".repeat(32), Some(key))
    }

    #[test]
    fn issued_keys_open_what_their_role_says_while_they_are_good() {
        let user = issued(KeyRole::User, KeyState::Active).caller(Level::Owner).unwrap();
        assert_eq!(
            (user.role, user.limits.per_minute, user.tenant()),
            (Role::User, Some(5), format!("key:{}", "ab".repeat(16)))
        );
        assert_eq!(issued(KeyRole::User, KeyState::Active).caller(Level::Admin), Err(Refusal::InvalidAdminKey));
        assert_eq!(issued(KeyRole::Admin, KeyState::Active).caller(Level::Admin).unwrap().role, Role::Admin);
        for state in [KeyState::Expired, KeyState::Revoked] {
            assert_eq!(issued(KeyRole::Admin, state).caller(Level::User), Err(Refusal::InvalidKey));
            assert_eq!(issued(KeyRole::Admin, state).caller(Level::Admin), Err(Refusal::InvalidAdminKey));
            assert_eq!(issued(KeyRole::Admin, state).caller(Level::Open), Ok(Caller::anonymous()));
        }
        assert_eq!(Credential::looked_up(String::new(), None), Credential::Wrong);
    }

    #[test]
    fn a_session_sent_by_another_sites_page_opens_nothing() {
        for level in [Level::User, Level::Owner, Level::Admin] {
            assert_eq!(Credential::Foreign.caller(level), Err(Refusal::CrossSite));
        }
        assert_eq!(Credential::Foreign.caller(Level::Open), Ok(Caller::anonymous()));
    }

    #[test]
    fn only_what_may_be_an_issued_key_is_looked_up() {
        let key = image2model_domain::api_key::from_random([7; 32]);
        let of = |settings: &Settings, key: &str| Credential::of(settings, Some(&format!("Bearer {key}")));
        assert_eq!(of(&settings("user-key", ""), &key), Credential::Issued(hash_of(&key)));
        assert_eq!(of(&settings("user-key", ""), "i2m_short"), Credential::Wrong);
        assert_eq!(of(&settings("", ""), &key), Credential::Unneeded);
        assert!(matches!(of(&settings(&key, ""), &key), Credential::Known(_)));
    }
}
