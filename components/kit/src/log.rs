//! The component's log: one JSON object a line on stderr, which the host collects. The request that is being worked on is
//! named in every line.

use serde_json::{Value, json};

use crate::scope;

/// Logs a fault of ours. `fields` is an object; nothing secret belongs in it.
pub fn error(message: &'static str, fields: &Value) {
    write("ERROR", message, fields);
}

/// Logs something that an operator should know of.
pub fn warn(message: &'static str, fields: &Value) {
    write("WARN", message, fields);
}

/// Logs something that an audit wants to find again.
pub fn info(message: &'static str, fields: &Value) {
    write("INFO", message, fields);
}

fn write(level: &str, message: &str, fields: &Value) {
    eprintln!("{}", line(level, message, fields));
}

fn line(level: &str, message: &str, fields: &Value) -> Value {
    let timestamp = image2model_domain::time::rfc3339(crate::clock::now_ms());
    let mut fields = fields.clone();
    if let (Some(names), Some(fields)) = (scope::current(), fields.as_object_mut()) {
        for (name, value) in [("request_id", &names.request_id), ("trace_id", &names.trace_id)] {
            fields.entry(name).or_insert_with(|| value.as_str().into());
        }
    }
    json!({ "timestamp": timestamp, "level": level, "message": message, "fields": fields })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_break_in_a_field_stays_inside_its_line() {
        let line = line("ERROR", "failed", &json!({ "error": "one\ntwo" })).to_string();
        assert_eq!(line.lines().count(), 1);
        assert!(line.contains(r#""message":"failed""#));
    }
}
