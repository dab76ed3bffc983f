//! A safe way to add fields to JSON objects: assigning by index would panic on anything that is no object.

use serde_json::Value;

/// Sets a field of a JSON object; anything that is no object stays as it is.
pub fn set(object: &mut Value, name: &str, value: impl Into<Value>) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(name.to_owned(), value.into());
    }
}
