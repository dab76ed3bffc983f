//! The guard's configuration, read once per instance.

use std::cell::RefCell;
use std::rc::Rc;

use image2model_domain::api_key::KeyLimits;
use image2model_domain::browser_headers::Origins;
use image2model_domain::client_address::Proxies;
use image2model_kit::config::{self, ConfigError};

/// Who may see a job whose id they know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JobAccess {
    /// Whoever knows the id, unless they present a key that does not own it.
    Open,
    /// The key that owns it, or its access token.
    Owner,
}

/// Requests a caller may make; 0 means any number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) per_minute: u32,
    pub(crate) per_hour: u32,
    pub(crate) uploads_per_minute: u32,
    /// Wrong keys that one address may try; there is always a bound.
    pub(crate) wrong_keys_per_minute: u32,
}

impl Limits {
    /// These, with a key's own in their place.
    pub(crate) fn with(self, own: KeyLimits) -> Self {
        Self {
            per_minute: own.per_minute.unwrap_or(self.per_minute),
            per_hour: own.per_hour.unwrap_or(self.per_hour),
            uploads_per_minute: own.uploads_per_minute.unwrap_or(self.uploads_per_minute),
            wrong_keys_per_minute: self.wrong_keys_per_minute,
        }
    }
}

/// Everything the guard is configured with.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) development: bool,
    pub(crate) api_key: Option<String>,
    pub(crate) admin_api_key: Option<String>,
    pub(crate) token_secret: Option<String>,
    pub(crate) job_access: JobAccess,
    pub(crate) origins: Origins,
    pub(crate) proxies: Proxies,
    pub(crate) limits: Limits,
}

impl Settings {
    /// Whether any key is configured.
    pub(crate) fn has_keys(&self) -> bool {
        self.api_key.is_some() || self.admin_api_key.is_some()
    }

    /// No key, and the environment is one where that means that everybody may come in.
    pub(crate) fn lets_everybody_in(&self) -> bool {
        self.development && !self.has_keys()
    }
}

thread_local! {
    static KEPT: RefCell<Option<Rc<Settings>>> = const { RefCell::new(None) };
}

/// The settings of this instance.
///
/// # Errors
/// [`ConfigError`] when a variable is not granted or is not a number.
pub(crate) async fn settings() -> Result<Rc<Settings>, ConfigError> {
    if let Some(kept) = KEPT.with_borrow(Clone::clone) {
        return Ok(kept);
    }
    let settings = Rc::new(read().await?);
    KEPT.with_borrow_mut(|kept| *kept = Some(Rc::clone(&settings)));
    Ok(settings)
}

async fn read() -> Result<Settings, ConfigError> {
    let (api_key, admin_api_key) = (config::text("api_key").await?, config::text("admin_api_key").await?);
    let limit = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    Ok(Settings {
        development: config::is_development(&config::text("environment").await?),
        token_secret: config::signing_secret().await?,
        api_key: present(&api_key),
        admin_api_key: present(&admin_api_key),
        // Anything but the word `open` is the stricter policy.
        job_access: if &*config::text("job_access").await? == "open" { JobAccess::Open } else { JobAccess::Owner },
        origins: Origins::new(config::list("allowed_origins").await?),
        proxies: Proxies::parse(&config::list("trusted_proxies").await?),
        limits: Limits {
            per_minute: limit(config::number("rate_limit_per_minute").await?),
            per_hour: limit(config::number("rate_limit_per_hour").await?),
            uploads_per_minute: limit(config::number("rate_limit_uploads_per_minute").await?),
            wrong_keys_per_minute: limit(config::number("rate_limit_wrong_keys_per_minute").await?).max(1),
        },
    })
}

fn present(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use image2model_domain::access_token;

    /// Development, these keys (empty: none), open access.
    pub(crate) fn settings(api_key: &str, admin_api_key: &str) -> Settings {
        Settings {
            development: true,
            token_secret: access_token::signing_secret("", api_key, admin_api_key),
            api_key: present(api_key),
            admin_api_key: present(admin_api_key),
            job_access: JobAccess::Open,
            origins: Origins::new(vec![]),
            proxies: Proxies::default(),
            limits: Limits { per_minute: 60, per_hour: 1000, uploads_per_minute: 10, wrong_keys_per_minute: 10 },
        }
    }
}
