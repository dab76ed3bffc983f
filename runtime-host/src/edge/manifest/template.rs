//! Application variables and the `{{ name }}` templates that use them.
//! A value comes from the caller's overrides (`SPIN_VARIABLE_<NAME>`), else from the manifest's default.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::lines::{Lines, Place};
use super::schema::Variable;
use crate::edge::EdgeError;

/// The application's variables with their values. Never printed: some are secret.
pub(super) struct Values {
    values: BTreeMap<String, Option<String>>,
}

impl Values {
    /// Joins the manifest's declarations with the overrides; an override of an undeclared variable is left alone, as the
    /// environment may hold more than one application's.
    pub fn new(
        declared: &BTreeMap<String, Variable>,
        overrides: &HashMap<String, String>,
        lines: &Lines,
    ) -> Result<Self, EdgeError> {
        let mut values = BTreeMap::new();
        for (name, variable) in declared {
            let place = lines.place(["variables", name], format!("variable {name:?}"));
            if !is_variable_name(name) {
                return Err(EdgeError::invalid(place, "names are lower case letters, digits and single underscores"));
            }
            if variable.required == variable.default.is_some() {
                return Err(EdgeError::invalid(place, "must either be `required = true` or have a `default`"));
            }
            let value = overrides.get(name).or(variable.default.as_ref()).cloned();
            values.insert(name.clone(), value);
        }
        Ok(Self { values })
    }

    /// Expands the templates in `text`; there is nothing to expand to where a required variable has no value, which is
    /// added to `missing`.
    pub fn expand(
        &self,
        place: &Place,
        text: &str,
        missing: &mut BTreeSet<String>,
    ) -> Result<Option<String>, EdgeError> {
        let mut out = Some(String::with_capacity(text.len()));
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            out = out.map(|out| out + before);
            let Some((name, after)) = after.split_once("}}") else {
                return Err(EdgeError::invalid(place.clone(), format!("`{{{{` without `}}}}` in {text:?}")));
            };
            match self.values.get(name.trim()) {
                None => {
                    let message =
                        format!("{text:?} uses variable {:?}, which [variables] does not declare", name.trim());
                    return Err(EdgeError::invalid(place.clone(), message));
                }
                Some(None) => {
                    missing.insert(name.trim().to_owned());
                    out = None;
                }
                Some(Some(value)) => out = out.map(|out| out + value),
            }
            rest = after;
        }
        Ok(out.map(|out| out + rest))
    }
}

/// Spin's rule for variable names: `lower_snake_case`, starting with a letter, no doubled or final underscore.
pub(crate) fn is_variable_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !name.contains("__")
        && !name.ends_with('_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(overrides: &[(&str, &str)]) -> Values {
        let declared = BTreeMap::from([
            (
                "host".to_owned(),
                Variable {
                    required: false,
                    default: Some("a.example".into()),
                    secret: false,
                    description: String::new(),
                },
            ),
            ("token".to_owned(), Variable { required: true, default: None, secret: true, description: String::new() }),
        ]);
        let overrides = overrides.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Values::new(&declared, &overrides, &Lines::default()).unwrap()
    }

    #[test]
    fn expands_with_defaults_and_overrides() {
        let mut missing = BTreeSet::new();
        assert_eq!(
            values(&[]).expand(&"x".into(), "http://{{ host }}:1/{{host}}", &mut missing).unwrap().unwrap(),
            "http://a.example:1/a.example"
        );
        let other = values(&[("host", "b")]).expand(&"x".into(), "{{ host }}", &mut missing);
        assert_eq!(other.unwrap().as_deref(), Some("b"));
        assert!(missing.is_empty());
    }

    #[test]
    fn names_what_is_missing_or_unknown() {
        let mut missing = BTreeSet::new();
        for _ in 0..2 {
            let expanded = values(&[]).expand(&"x".into(), "{{ token }}-{{ host }}", &mut missing);
            assert_eq!(expanded.unwrap(), None, "also where it was missing before");
        }
        assert_eq!(missing.into_iter().collect::<Vec<_>>(), ["token"]);
        let error = values(&[]).expand(&"component \"web\"".into(), "{{ nope }}", &mut BTreeSet::new()).unwrap_err();
        assert!(error.to_string().contains("nope"), "{error}");
        assert!(values(&[]).expand(&"x".into(), "{{ host", &mut BTreeSet::new()).is_err());
    }

    #[test]
    fn knows_variable_names() {
        assert!(is_variable_name("redis_url"));
        for bad in ["", "Redis", "1a", "a__b", "a_", "a-b"] {
            assert!(!is_variable_name(bad), "{bad}");
        }
    }
}
