//! Who this host is to registries that want a password: the `auths` of a file as `docker login`, `podman login` and
//! `spin registry login` write it. A password goes to its registry, and to whom that registry sends for a token.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// Docker's own registry, as its clients write it and as images name it.
const DOCKER: (&str, &str) = ("index.docker.io", "docker.io");

/// Names and passwords by registry.
#[derive(Debug, Clone, Default)]
pub struct Logins(BTreeMap<String, SecretString>);

/// What a file of logins lacks.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoginsError {
    /// It is not there, or not to be read.
    #[error("it cannot be read: {0}")]
    Read(#[from] std::io::Error),
    /// Not the form.
    #[error("it is no JSON with `auths`: {0}")]
    Form(String),
    /// A registry whose password is not in the file.
    #[error("the password for {0} is not in it: it is kept by a helper (`credsStore`), which this host does not ask")]
    Elsewhere(String),
    /// Not what a login is written as.
    #[error("`auth` of {0} is not a name and a password in Base64")]
    Auth(String),
}

#[derive(Deserialize)]
struct File {
    auths: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    auth: Option<String>,
}

impl Logins {
    /// Those in a file.
    ///
    /// # Errors
    /// [`LoginsError`].
    pub fn in_file(path: &Path) -> Result<Self, LoginsError> {
        Self::read(&std::fs::read_to_string(path)?)
    }

    /// Reads `{"auths": {"registry": {"auth": "…"}}}`; whatever else is in the file is others'.
    ///
    /// # Errors
    /// [`LoginsError`].
    pub fn read(text: &str) -> Result<Self, LoginsError> {
        let file: File = serde_json::from_str(text).map_err(|error| LoginsError::Form(error.to_string()))?;
        let mut all = BTreeMap::new();
        for (place, entry) in file.auths {
            let Some(auth) = entry.auth.map(SecretString::from) else { return Err(LoginsError::Elsewhere(place)) };
            let is_login = |login: Vec<u8>| login.iter().position(|byte| *byte == b':').is_some_and(|at| at > 0);
            if !STANDARD.decode(auth.expose_secret()).is_ok_and(is_login) {
                return Err(LoginsError::Auth(place));
            }
            all.insert(registry(&place).to_owned(), auth);
        }
        Ok(Self(all))
    }

    /// What goes into `Authorization` for this registry.
    pub(super) fn basic(&self, registry: &str) -> Option<String> {
        self.0.get(registry).map(|auth| format!("Basic {}", auth.expose_secret()))
    }
}

/// Some clients write a URL.
fn registry(place: &str) -> &str {
    let place = place.split_once("://").map_or(place, |(_, rest)| rest);
    let place = place.split('/').next().unwrap_or(place);
    if place == DOCKER.0 { DOCKER.1 } else { place }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_logins_write() {
        let auth = STANDARD.encode("robot:pa:ss");
        let text = format!(
            r#"{{"auths": {{"ghcr.io": {{"auth": "{auth}", "email": ""}}, "https://index.docker.io/v1/": {{"auth": "{auth}"}}}}, "psFormat": "x"}}"#
        );
        let logins = Logins::read(&text).unwrap();
        for place in ["ghcr.io", "docker.io"] {
            assert_eq!(logins.basic(place), Some(format!("Basic {auth}")), "{place}");
        }
        assert_eq!(logins.basic("elsewhere.example"), None);
        assert!(!format!("{logins:?}").contains(&auth), "{logins:?}");
    }

    #[test]
    fn says_what_is_wrong_and_never_the_password() {
        let secret = STANDARD.encode("nobody");
        for (text, wanted) in [
            ("nonsense", "no JSON"),
            ("{}", "auths"),
            (r#"{"auths": {"ghcr.io": {}}, "credsStore": "desktop"}"#, "ghcr.io is not in it"),
            (&format!(r#"{{"auths": {{"ghcr.io": {{"auth": "{secret}"}}}}}}"#), "`auth` of ghcr.io"),
        ] {
            let error = Logins::read(text).unwrap_err().to_string();
            assert!(error.contains(wanted) && !error.contains(&secret), "{error}");
        }
    }
}
