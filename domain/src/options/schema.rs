//! A provider's own list of its options, a JSON Schema object, read as far as options need it: types, words, bounds.
//!
//! The provider has the last word when the request is made; this is to tell a client at once, in its words.

use serde_json::{Map, Value};

use super::InvalidOption;
use crate::number::whole;

/// The options that a provider has.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OptionsSchema(Map<String, Value>);

impl OptionsSchema {
    /// Reads the schema of a provider's description; what is not one has no options.
    #[must_use]
    pub fn new(schema: &Value) -> Self {
        Self(schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default())
    }

    /// Whether there is such an option.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Whether an option may have this value.
    #[must_use]
    pub fn takes(&self, name: &str, value: &Value) -> bool {
        self.read(name, value).is_ok()
    }

    /// One value as the provider knows it: a whole number is one also when it is written as `5000.0`, for JSON Schema knows no
    /// difference (2020-12 validation, 6.1.1), but the provider is sent `5000`.
    ///
    /// # Errors
    /// [`InvalidOption`], which names what is expected.
    pub fn read(&self, name: &str, value: &Value) -> Result<Value, InvalidOption> {
        let Some(option) = self.0.get(name) else {
            let names: Vec<&str> = self.0.keys().map(String::as_str).collect();
            let message = format!("is not an option of this model; it has {}", names.join(", "));
            return Err(InvalidOption { name: name.chars().take(40).collect(), message });
        };
        let is_whole = option.get("type").and_then(Value::as_str) == Some("integer");
        let value = whole::<i64>(value).filter(|_| is_whole).map_or_else(|| value.clone(), Value::from);
        match mismatch(option, &value) {
            None => Ok(value),
            Some(message) => Err(InvalidOption { name: name.to_owned(), message }),
        }
    }
}

/// What is expected instead of the value; `None` when it fits.
fn mismatch(option: &Value, value: &Value) -> Option<String> {
    if let Some(words) = option.get("enum").and_then(Value::as_array) {
        let shown: Vec<String> =
            words.iter().map(|w| w.as_str().map_or_else(|| w.to_string(), str::to_owned)).collect();
        return (!words.contains(value)).then(|| format!("must be one of {}", shown.join(", ")));
    }
    let bound = |name: &str| option.get(name).and_then(Value::as_f64);
    let within =
        |n: f64| bound("minimum").is_none_or(|least| n >= least) && bound("maximum").is_none_or(|most| n <= most);
    let range = || match (option.get("minimum"), option.get("maximum")) {
        (Some(least), Some(most)) => format!(" from {least} to {most}"),
        (Some(least), None) => format!(" from {least}"),
        (None, Some(most)) => format!(" up to {most}"),
        (None, None) => String::new(),
    };
    match option.get("type").and_then(Value::as_str) {
        Some("integer") => {
            let fits = value.is_i64() && value.as_f64().is_some_and(within);
            (!fits).then(|| format!("must be a whole number{}", range()))
        }
        Some("number") => (!value.as_f64().is_some_and(within)).then(|| format!("must be a number{}", range())),
        Some("boolean") => (!value.is_boolean()).then(|| "must be true or false".to_owned()),
        Some("string") => {
            let longest = option.get("maxLength").and_then(Value::as_u64).unwrap_or(1000);
            let fits = value.as_str().is_some_and(|text| text.chars().count() as u64 <= longest);
            (!fits).then(|| format!("must be text of at most {longest} characters"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn says_what_a_provider_would() {
        let schema = OptionsSchema::new(&json!({ "type": "object", "properties": {
            "face_limit": { "type": "integer", "minimum": 1000, "maximum": 500_000 },
            "texture": { "type": "string", "enum": ["no", "standard"] },
            "pbr": { "type": "boolean" }, "prompt": { "type": "string", "maxLength": 3 },
        } }));
        for (name, value) in
            [("face_limit", json!(1000)), ("texture", json!("no")), ("pbr", json!(true)), ("prompt", json!("äöü"))]
        {
            assert_eq!(schema.read(name, &value), Ok(value.clone()), "{name}");
        }
        let refused = |name: &str, value: Value| schema.read(name, &value).unwrap_err().to_string();
        assert_eq!(refused("face_limit", json!(999)), "face_limit: must be a whole number from 1000 to 500000");
        assert_eq!(refused("face_limit", json!("1000")), "face_limit: must be a whole number from 1000 to 500000");
        assert_eq!(refused("texture", json!("HD")), "texture: must be one of no, standard");
        assert_eq!(refused("pbr", json!(1)), "pbr: must be true or false");
        assert_eq!(refused("prompt", json!("abcd")), "prompt: must be text of at most 3 characters");
        assert!(refused("seed", json!(1)).starts_with("seed: is not an option of this model; it has face_limit"));
        assert!(!OptionsSchema::new(&json!(null)).has("x"));
    }

    #[test]
    fn a_whole_number_may_be_written_with_a_point_and_is_handed_on_without() {
        let schema = OptionsSchema::new(&json!({ "properties": {
            "face_limit": { "type": "integer", "minimum": 1000, "maximum": 500_000 },
            "turns": { "type": "integer" }, "sides": { "type": "integer", "enum": [1, 2] }, "scale": { "type": "number" },
        } }));
        for (name, written, whole) in [
            ("face_limit", json!(5000.0), json!(5000)),
            ("face_limit", json!(5e3), json!(5000)),
            ("turns", json!(-3.0), json!(-3)),
            ("turns", json!(-0.0), json!(0)),
            ("sides", json!(2.0), json!(2)),
        ] {
            assert_eq!(schema.read(name, &written), Ok(whole), "{name} {written}");
        }
        for (name, bad) in [
            ("face_limit", json!(5000.5)),
            ("face_limit", json!(999.0)),
            ("face_limit", json!("5000.0")),
            ("turns", json!(1e300)),
            ("turns", json!(u64::MAX)),
            ("sides", json!(3.0)),
        ] {
            assert!(!schema.takes(name, &bad), "{name} {bad}");
        }
        assert_eq!(schema.read("scale", &json!(2.0)).unwrap().to_string(), "2.0", "a number is left as it is");
    }
}
