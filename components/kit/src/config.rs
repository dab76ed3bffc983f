//! The component's variables, each asked for once per instance: they cannot change while an instance lives.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use image2model_domain::access_token;
use spin_sdk::variables;

/// A variable that cannot be used. Its value is not shown: it may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The manifest does not grant it, or its provider is away.
    #[error("variable {name} is not available: {why}")]
    Unavailable {
        /// Which.
        name: &'static str,
        /// What the host says.
        why: String,
    },
    /// It must be a number.
    #[error("variable {0} is not a whole number")]
    NotANumber(&'static str),
    /// It must be a prefix of keys.
    #[error("variable {0} is not a prefix of keys such as {{p1}}:")]
    NotAPrefix(&'static str),
}

thread_local! {
    static KNOWN: RefCell<HashMap<&'static str, Rc<str>>> = RefCell::new(HashMap::new());
}

/// The value of a variable, without the white space around it.
///
/// # Errors
/// [`ConfigError::Unavailable`].
pub async fn text(name: &'static str) -> Result<Rc<str>, ConfigError> {
    if let Some(value) = KNOWN.with_borrow(|known| known.get(name).cloned()) {
        return Ok(value);
    }
    let value = variables::get(name).await.map_err(|e| ConfigError::Unavailable { name, why: format!("{e:?}") })?;
    let value: Rc<str> = value.trim().into();
    KNOWN.with_borrow_mut(|known| known.insert(name, Rc::clone(&value)));
    Ok(value)
}

/// The value of a variable that must be a whole number.
///
/// # Errors
/// [`ConfigError`] when it is not there or is not a number.
pub async fn number(name: &'static str) -> Result<u64, ConfigError> {
    text(name).await?.parse().map_err(|_| ConfigError::NotANumber(name))
}

/// The elements of a variable that is a list with commas.
///
/// # Errors
/// [`ConfigError::Unavailable`].
pub async fn list(name: &'static str) -> Result<Vec<String>, ConfigError> {
    Ok(elements(&text(name).await?))
}

/// The secret that jobs' tokens are signed with, the same in every component; `None` where neither it nor a key is configured,
/// and so there is nothing that a token could open. That there is one says nothing of keys: a host makes itself one.
///
/// # Errors
/// [`ConfigError::Unavailable`].
pub async fn signing_secret() -> Result<Option<String>, ConfigError> {
    let (secret, api_key, admin_api_key) =
        (text("token_secret").await?, text("api_key").await?, text("admin_api_key").await?);
    Ok(access_token::signing_secret(&secret, &api_key, &admin_api_key))
}

/// Whether everybody is let in: in development, where no key is configured.
///
/// # Errors
/// [`ConfigError::Unavailable`].
pub async fn lets_everybody_in() -> Result<bool, ConfigError> {
    let has_keys = !(text("api_key").await?.is_empty() && text("admin_api_key").await?.is_empty());
    Ok(!has_keys && is_development(&text("environment").await?))
}

/// Whether an environment is the one where nobody needs a key as long as there is none.
#[must_use]
pub fn is_development(environment: &str) -> bool {
    environment.eq_ignore_ascii_case("development")
}

/// Elements between commas, without the white space around them and without empty ones.
#[must_use]
pub fn elements(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|e| !e.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_no_empty_elements() {
        assert_eq!(elements(" https://a.example , ,https://b.example,"), ["https://a.example", "https://b.example"]);
        assert!(elements(" ").is_empty());
    }
}
