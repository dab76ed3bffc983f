//! Small steps through JSON values.

use anyhow::Context;
use serde_json::{Map, Value};

/// Fields of a path item that are operations.
pub const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// The operations of a path item, by method.
pub fn operations(item: &mut Value) -> impl Iterator<Item = (&String, &mut Value)> {
    let fields = item.as_object_mut().into_iter().flat_map(Map::iter_mut);
    fields.filter(|(method, _)| METHODS.contains(&method.as_str()))
}

/// A nested field; objects on the way to it are made.
pub fn entry<'a>(value: &'a mut Value, path: &[&str]) -> anyhow::Result<&'a mut Value> {
    let mut at = value;
    for name in path {
        if at.is_null() {
            *at = Value::Object(Map::new());
        }
        at = at
            .as_object_mut()
            .with_context(|| format!("{name} lies in something that is no object"))?
            .entry(*name)
            .or_insert(Value::Null);
    }
    Ok(at)
}

/// Adds fields to an object; an object where there was nothing.
pub fn extend(value: &mut Value, more: Map<String, Value>) -> anyhow::Result<()> {
    if value.is_null() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().context("only an object can be extended")?.extend(more);
    Ok(())
}

/// Takes a field out of an object and reads its texts; nothing when it is not there.
pub fn take_texts(value: &mut Value, name: &str) -> anyhow::Result<Vec<String>> {
    let taken = value.as_object_mut().and_then(|fields| fields.remove(name)).unwrap_or(Value::Array(vec![]));
    let list = taken.as_array().with_context(|| format!("{name} is not a list"))?;
    list.iter()
        .map(|text| text.as_str().map(str::to_owned).with_context(|| format!("{name} holds more than texts")))
        .collect()
}

/// A text field.
pub fn text<'a>(value: &'a Value, name: &str) -> anyhow::Result<&'a str> {
    value.get(name).and_then(Value::as_str).with_context(|| format!("{name} is missing, or no text"))
}

/// A reference.
pub fn reference(to: &str) -> Value {
    serde_json::json!({ "$ref": to })
}
