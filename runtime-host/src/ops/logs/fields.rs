//! Collects what an event or a span says: its message, the ids that have a place of their own, and everything else.
//! Texts are cut, the whole is bounded, and a field whose name says that it is a secret is not taken.

use std::fmt::Debug;

use image2model_domain::log::{LONGEST_FIELDS, LONGEST_TEXT, LogEntry, cut, is_secret};
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};

/// What was said.
#[derive(Debug, Default, Clone)]
pub(super) struct Fields {
    message: String,
    values: Map<String, Value>,
    bytes: usize,
}

impl Fields {
    fn put(&mut self, name: &str, value: Value) {
        if is_secret(name) {
            return;
        }
        self.bytes += name.len() + value.as_str().map_or(8, str::len);
        if self.bytes <= LONGEST_FIELDS {
            self.values.insert(name.to_owned(), value);
        }
    }

    fn put_text(&mut self, name: &str, text: &str) {
        let text = cut(text, LONGEST_TEXT);
        if name == "message" { text.clone_into(&mut self.message) } else { self.put(name, text.into()) }
    }

    fn take_text(&mut self, name: &str) -> Option<String> {
        match self.values.remove(name)? {
            Value::String(text) => Some(text),
            other => Some(other.to_string()),
        }
    }

    /// Fills an entry's fields; what the entry has already stands.
    pub fn add_to(&self, entry: &mut LogEntry) {
        let mut own = self.clone();
        for (name, place) in [
            ("request_id", &mut entry.request_id),
            ("job_id", &mut entry.job_id),
            ("file_id", &mut entry.file_id),
            ("fal_request_id", &mut entry.fal_request_id),
            ("component", &mut entry.component),
        ] {
            let said = own.take_text(name).filter(|text| !text.is_empty());
            if place.is_none() {
                *place = said;
            }
        }
        if entry.message.is_empty() {
            entry.message = own.message;
        }
        for (name, value) in own.values {
            entry.fields.entry(name).or_insert(value);
        }
    }

    /// A component's own line, which the host carries in `said` and `fields`, as if the component had said it here.
    /// `None` when the component has stored it itself.
    pub fn unwrapped(mut self) -> Option<Self> {
        let Some(said) = self.take_text("said") else { return Some(self) };
        let inner = self.take_text("fields").and_then(|json| serde_json::from_str(&json).ok());
        self.message = said;
        if let Some(Value::Object(inner)) = inner {
            if inner.get("stored") == Some(&Value::Bool(true)) {
                return None;
            }
            for (name, value) in inner {
                match value {
                    Value::String(text) => self.put_text(&name, &text),
                    value if value.to_string().len() <= LONGEST_TEXT => self.put(&name, value),
                    _ => {}
                }
            }
        }
        Some(self)
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put_text(field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put_text(field.name(), &format!("{value:?}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field.name(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field.name(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field.name(), value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field.name(), value.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image2model_domain::log::LogLevel;

    fn fields(values: &[(&str, &str)]) -> Fields {
        let mut fields = Fields::default();
        values.iter().for_each(|(name, value)| fields.put_text(name, value));
        fields
    }

    fn entry(fields: &Fields) -> LogEntry {
        let mut entry = LogEntry::new(0, LogLevel::Info, "t", "");
        fields.add_to(&mut entry);
        entry
    }

    #[test]
    fn ids_have_their_place_and_an_inner_word_wins() {
        let mut entry = entry(&fields(&[("message", "m"), ("job_id", "inner"), ("status", "x"), ("file_id", "")]));
        fields(&[("job_id", "outer"), ("request_id", "r"), ("status", "y")]).add_to(&mut entry);
        assert_eq!((entry.message.as_str(), entry.job_id.as_deref()), ("m", Some("inner")));
        assert_eq!((entry.request_id.as_deref(), entry.file_id.as_deref()), (Some("r"), None));
        assert_eq!(entry.text("status"), Some("x"));
    }

    #[test]
    fn a_components_line_is_taken_apart() {
        let line = r#"{"request_id":"r","route":"/x","n":3,"token":"t0ps3cret"}"#;
        let said = fields(&[("message", "component log"), ("component", "admin"), ("said", "hello"), ("fields", line)]);
        let entry = entry(&said.unwrapped().unwrap());
        assert_eq!((entry.message.as_str(), entry.component.as_deref()), ("hello", Some("admin")));
        assert_eq!((entry.request_id.as_deref(), entry.number("n")), (Some("r"), Some(3)));
        assert!(!entry.to_json().contains("t0ps3cret"));
        assert!(fields(&[("said", "hello"), ("fields", r#"{"stored":true}"#)]).unwrapped().is_none());
    }

    #[test]
    fn secrets_and_floods_are_not_taken() {
        let mut many = fields(&[("blob_token", "t0ps3cret"), ("Password".to_lowercase().as_str(), "t0ps3cret")]);
        (0..50).for_each(|n| many.put_text(&format!("f{n}"), &"x".repeat(100_000)));
        let json = entry(&many).to_json();
        assert!(!json.contains("t0ps3cret") && json.len() < LONGEST_FIELDS + 512, "{}", json.len());
    }
}
