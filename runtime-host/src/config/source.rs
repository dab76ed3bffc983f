//! Where values come from: flags before environment before `.env`. An empty value counts as not set.

use std::collections::HashMap;
use std::path::Path;

use secrecy::SecretString;

use super::table::variables;

/// What names of an application's own variables begin with.
const SPIN_VARIABLE: &str = "SPIN_VARIABLE_";

/// Values by variable name.
#[derive(Clone, Default)]
pub struct Source {
    values: HashMap<String, String>,
    /// Names in `.env` that mean nothing here.
    unknown: Vec<String>,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").field("names", &self.values.keys()).finish_non_exhaustive()
    }
}

impl Source {
    /// The process's environment over the `.env` in `folder`, when there is one.
    ///
    /// # Errors
    /// When `.env` cannot be read or has a line that is no assignment.
    pub fn of_process(folder: &Path) -> Result<Self, dotenvy::Error> {
        let mut source = Self::default();
        let file = folder.join(".env");
        if file.is_file() {
            for entry in dotenvy::from_path_iter(file)? {
                let (name, value) = entry?;
                if !is_known(&name) && !name.starts_with(SPIN_VARIABLE) {
                    source.unknown.push(name.clone());
                }
                source.set(&name, &value);
            }
        }
        for variable in variables() {
            if let Ok(value) = std::env::var(variable.name) {
                source.set(variable.name, &value);
            }
        }
        let of_spin =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        of_spin.filter(|(name, _)| name.starts_with(SPIN_VARIABLE)).for_each(|(name, value)| source.set(&name, &value));
        Ok(source)
    }

    /// Values given one by one, as tests do.
    #[must_use]
    pub fn of<'a>(values: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut source = Self::default();
        values.into_iter().for_each(|(name, value)| source.set(name, value));
        source
    }

    /// Overrides a value, as a flag does.
    pub fn set(&mut self, name: &str, value: &str) {
        self.values.insert(name.to_owned(), value.to_owned());
    }

    /// The value of a variable that holds a secret, for programs that present one instead of asking for it.
    #[must_use]
    pub fn secret(&self, name: &str) -> Option<SecretString> {
        self.get(name).map(SecretString::from)
    }

    /// Names in `.env` that are none of ours, perhaps misspelt.
    #[must_use]
    pub fn unknown_names(&self) -> &[String] {
        &self.unknown
    }

    /// `SPIN_VARIABLE_<NAME>`, as Spin itself reads them: an application's variables by their own names.
    #[must_use]
    pub fn spin_variables(&self) -> HashMap<String, SecretString> {
        let named = self.values.iter().filter_map(|(name, value)| {
            Some((name.strip_prefix(SPIN_VARIABLE)?.to_ascii_lowercase(), SecretString::from(value.as_str())))
        });
        named.collect()
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }
}

fn is_known(name: &str) -> bool {
    variables().any(|variable| variable.name == name)
}
