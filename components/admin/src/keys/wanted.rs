//! The key that a request asks for, or everything that is wrong with the request, field by field.

use image2model_domain::Problem;
use image2model_domain::api_key::{KeyLimits, KeyRole};
use serde_json::{Map, Value};

use crate::fields::{Errors, whole};

const LONGEST_NAME: usize = 100;
const FIELDS: [&str; 4] = ["name", "role", "expires_in_seconds", "limits"];
const LIMITS: [&str; 3] = ["per_minute", "per_hour", "uploads_per_minute"];
/// A minute to ten years.
const LIFETIME: std::ops::RangeInclusive<u64> = 60..=315_360_000;

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) name: String,
    pub(super) role: KeyRole,
    pub(super) seconds: Option<u64>,
    pub(super) limits: KeyLimits,
}

impl Wanted {
    /// Reads the body.
    ///
    /// # Errors
    /// 422 with `details.errors`, one for each field that does not fit.
    pub(super) fn read(body: &Value) -> Result<Self, Problem> {
        let mut errors = Errors::default();
        let empty = Map::new();
        let given = body.as_object().unwrap_or_else(|| {
            errors.add("", "must be a JSON object");
            &empty
        });
        errors.unknown(given, &FIELDS, "");
        let wanted = Self {
            name: name(given.get("name"), &mut errors),
            role: role(given.get("role"), &mut errors),
            seconds: seconds(given.get("expires_in_seconds"), &mut errors),
            limits: limits(given.get("limits"), &mut errors),
        };
        errors.or(wanted, "The key cannot be issued as described; see details.errors.")
    }
}

/// A value that is there and not null.
fn present(value: Option<&Value>) -> Option<&Value> {
    value.filter(|value| !value.is_null())
}

fn name(value: Option<&Value>, errors: &mut Errors) -> String {
    let name = present(value).and_then(Value::as_str).unwrap_or_default().trim();
    if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        errors.add("name", "must be a text of 1 to 100 characters without control characters");
    }
    name.to_owned()
}

fn role(value: Option<&Value>, errors: &mut Errors) -> KeyRole {
    let Some(value) = present(value) else { return KeyRole::User };
    value.as_str().and_then(KeyRole::parse).unwrap_or_else(|| {
        errors.add("role", "must be user or admin");
        KeyRole::User
    })
}

fn seconds(value: Option<&Value>, errors: &mut Errors) -> Option<u64> {
    let seconds = whole(present(value)?).filter(|n| LIFETIME.contains(n));
    if seconds.is_none() {
        errors
            .add("expires_in_seconds", "must be a whole number from 60 to 315360000, or left out for a key that stays");
    }
    seconds
}

fn limits(value: Option<&Value>, errors: &mut Errors) -> KeyLimits {
    let Some(value) = present(value) else { return KeyLimits::default() };
    let Some(given) = value.as_object() else {
        errors.add("limits", "must be an object with per_minute, per_hour and uploads_per_minute");
        return KeyLimits::default();
    };
    errors.unknown(given, &LIMITS, "limits.");
    let mut limit = |name: &str| {
        let limit = whole(present(given.get(name))?).and_then(|n| u32::try_from(n).ok());
        if limit.is_none() {
            errors.add(&format!("limits.{name}"), "must be a whole number from 0, which is any number, to 4294967295");
        }
        limit
    };
    KeyLimits {
        per_minute: limit("per_minute"),
        per_hour: limit("per_hour"),
        uploads_per_minute: limit("uploads_per_minute"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::named;
    use serde_json::json;

    fn fields(body: Value) -> Vec<String> {
        named(Wanted::read(&body))
    }

    #[test]
    fn a_name_is_enough() {
        let wanted = Wanted::read(&json!({ "name": " CI ", "role": null })).unwrap();
        let plain = Wanted { name: "CI".into(), role: KeyRole::User, seconds: None, limits: KeyLimits::default() };
        assert_eq!(wanted, plain);
        let body = json!({ "name": "ops", "role": "admin", "expires_in_seconds": 60, "limits": { "per_hour": 0 } });
        let limits = KeyLimits { per_hour: Some(0), ..KeyLimits::default() };
        assert_eq!(
            Wanted::read(&body).unwrap(),
            Wanted { name: "ops".into(), role: KeyRole::Admin, seconds: Some(60), limits }
        );
    }

    #[test]
    fn every_field_that_does_not_fit_is_named() {
        assert_eq!(fields(json!({})), ["name"]);
        assert_eq!(fields(json!([])), ["", "name"]);
        let all = json!({ "name": "a\nb", "role": "root", "expires_in_seconds": 59.5, "limits": { "per_minute": -1, "x": 1 }, "key": "k" });
        assert_eq!(fields(all), ["key", "name", "role", "expires_in_seconds", "limits.x", "limits.per_minute"]);
        assert_eq!(fields(json!({ "name": "x".repeat(101), "limits": 3 })), ["name", "limits"]);
    }
}
