//! What a client may choose for its models. Kept as a JSON object with the job; the provider has the last word on it.

mod schema;

pub use schema::OptionsSchema;

use serde_json::{Map, Value};

use crate::yes_or_no::yes_or_no;

/// Options of a generation: `face_limit`, `texture`, `pbr`, … Only what the client set is there.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Options(Map<String, Value>);

/// An option that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {message}")]
pub struct InvalidOption {
    /// The form field.
    pub name: String,
    /// What is expected, for the client.
    pub message: String,
}

/// Smallest and largest `face_limit`.
pub const FACE_LIMIT: std::ops::RangeInclusive<i64> = 1000..=500_000;

impl Options {
    /// Takes one form field. Fields that are no options answer `false`; empty values mean "not set".
    ///
    /// # Errors
    /// [`InvalidOption`] when the value cannot be.
    pub fn set_field(&mut self, name: &str, value: &str) -> Result<bool, InvalidOption> {
        let refuse = |message: &str| Err(InvalidOption { name: name.to_owned(), message: message.to_owned() });
        let value = value.trim();
        let parsed = match name {
            "face_limit" | "texture" | "pbr" if value.is_empty() => return Ok(true),
            "face_limit" => match value.parse::<i64>() {
                Ok(n) if FACE_LIMIT.contains(&n) => Value::from(n),
                _ => return refuse("must be a whole number from 1000 to 500000"),
            },
            "texture" => match value {
                "no" | "standard" | "HD" => Value::from(value),
                _ => return refuse("must be no, standard or HD"),
            },
            "pbr" => match yes_or_no(value) {
                Some(pbr) => Value::from(pbr),
                None => return refuse("must be true or false"),
            },
            _ => return Ok(false),
        };
        self.0.insert(name.to_owned(), parsed);
        Ok(true)
    }

    /// Sets an option that was given as JSON, when the provider has it; `null` takes it back.
    ///
    /// # Errors
    /// [`InvalidOption`] when the provider has no such option, or not with this value.
    pub fn set(&mut self, name: &str, value: &Value, schema: &OptionsSchema) -> Result<(), InvalidOption> {
        if value.is_null() {
            self.0.remove(name);
            return Ok(());
        }
        self.0.insert(name.to_owned(), schema.read(name, value)?);
        Ok(())
    }

    /// The value of an option, when it is set.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// `face_limit`, when the client set one.
    #[must_use]
    pub fn face_limit(&self) -> Option<i64> {
        self.0.get("face_limit").and_then(Value::as_i64)
    }

    /// Reads what [`Options::to_json`] wrote; anything else reads as no options.
    #[must_use]
    pub fn from_json(text: &str) -> Self {
        Self(serde_json::from_str(text).unwrap_or_default())
    }

    /// The JSON object that is stored and given to the provider.
    #[must_use]
    pub fn to_json(&self) -> String {
        Value::Object(self.0.clone()).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_the_contract_names() {
        let mut options = Options::default();
        assert_eq!(options.set_field("face_limit", "20000"), Ok(true));
        assert_eq!(options.set_field("texture", "HD"), Ok(true));
        assert_eq!(options.set_field("pbr", "True"), Ok(true));
        assert_eq!(options.set_field("colour", "red"), Ok(false));
        assert_eq!(Options::from_json(&options.to_json()), options);
        assert_eq!(options.face_limit(), Some(20_000));
        for bad in ["999", "500001", "many", "1e4"] {
            assert!(options.set_field("face_limit", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_whole_number_is_kept_as_the_provider_knows_it() {
        let schema = OptionsSchema::new(&serde_json::json!({ "properties": { "face_limit": { "type": "integer" } } }));
        let mut options = Options::default();
        options.set("face_limit", &serde_json::json!(5000.0), &schema).unwrap();
        assert_eq!((options.to_json().as_str(), options.face_limit()), (r#"{"face_limit":5000}"#, Some(5000)));
    }
}
