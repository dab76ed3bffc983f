//! Checks an input against a model's fields, with pydantic's error types and messages; unknown fields are ignored.
//! Source: the schemas that FAL publishes with each model, and pydantic 2's error list. Checked when a request runs, as FAL does.

use crate::errors::Detail;
use serde_json::{Map, Value, json};

/// What a field takes.
#[derive(Clone, Copy, Debug)]
pub enum Type {
    /// Text.
    Text,
    /// One or more texts, at most so many.
    Texts(usize),
    /// True or false; pydantic also takes "true", "false", 0 and 1.
    Flag,
    /// A whole number within bounds (both inclusive).
    Whole(i64, i64),
    /// Any number within bounds (both inclusive).
    Number(f64, f64),
    /// One of these texts.
    OneOf(&'static [&'static str]),
}

/// One field of a model's input.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub takes: Type,
    /// Whether it must be there.
    pub required: bool,
}

/// A field that must be there.
pub const fn required(name: &'static str, takes: Type) -> Field {
    Field { name, takes, required: true }
}

/// A field that may be absent or null.
pub const fn optional(name: &'static str, takes: Type) -> Field {
    Field { name, takes, required: false }
}

/// Every way in which `input` does not fit.
pub fn check(fields: &[Field], input: &Value) -> Vec<Detail> {
    let Some(object) = input.as_object() else {
        let detail = Detail::field("", "model_attributes_type", "Input should be a valid dictionary");
        return vec![Detail { loc: vec!["body".into()], ..detail }.input(input.clone())];
    };
    fields.iter().filter_map(|field| fault(field, object)).collect()
}

fn fault(field: &Field, object: &Map<String, Value>) -> Option<Detail> {
    match object.get(field.name) {
        None if field.required => {
            Some(Detail::field(field.name, "missing", "Field required").input(Value::Object(object.clone())))
        }
        None => None,
        Some(Value::Null) if !field.required => None,
        Some(value) => mismatch(field, value).map(|detail| detail.input(value.clone())),
    }
}

fn mismatch(field: &Field, value: &Value) -> Option<Detail> {
    let wrong = |kind, msg: &str| Some(Detail::field(field.name, kind, msg));
    match field.takes {
        Type::Text if !value.is_string() => wrong("string_type", "Input should be a valid string"),
        Type::Texts(most) => texts(field.name, value, most),
        Type::Flag if !is_flag(value) => {
            wrong("bool_parsing", "Input should be a valid boolean, unable to interpret input")
        }
        Type::Whole(low, high) => match whole(value) {
            Some(number) => outside(field.name, number as f64, low as f64, high as f64, json!(low), json!(high)),
            None => wrong("int_parsing", "Input should be a valid integer, unable to parse string as an integer"),
        },
        Type::Number(low, high) => match value.as_f64() {
            Some(number) => outside(field.name, number, low, high, json!(low), json!(high)),
            None => wrong("float_parsing", "Input should be a valid number, unable to parse string as a number"),
        },
        Type::OneOf(names) if !value.as_str().is_some_and(|text| names.contains(&text)) => {
            let quoted: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
            let expected = quoted.join(", ");
            let expected = match expected.rsplit_once(", ") {
                Some((head, last)) => format!("{head} or {last}"),
                None => expected,
            };
            let detail = Detail::field(field.name, "literal_error", format!("Input should be {expected}"));
            Some(detail.ctx(json!({"expected": expected})))
        }
        _ => None,
    }
}

fn texts(name: &str, value: &Value, most: usize) -> Option<Detail> {
    let Some(list) = value.as_array() else {
        return Some(Detail::field(name, "list_type", "Input should be a valid list"));
    };
    if list.is_empty() {
        let msg = "List should have at least 1 item after validation, not 0";
        return Some(Detail::field(name, "sequence_too_short", msg).ctx(json!({"min_length": 1})));
    }
    if list.len() > most {
        let msg = format!("List should have at most {most} items after validation, not {}", list.len());
        return Some(Detail::field(name, "sequence_too_long", msg).ctx(json!({"max_length": most})));
    }
    (!list.iter().all(Value::is_string)).then(|| Detail::field(name, "string_type", "Input should be a valid string"))
}

fn outside(name: &str, number: f64, low: f64, high: f64, least: Value, most: Value) -> Option<Detail> {
    if number < low {
        let msg = format!("Input should be greater than or equal to {least}");
        Some(Detail::field(name, "greater_than_equal", msg).ctx(json!({"ge": least})))
    } else if number > high {
        let msg = format!("Input should be less than or equal to {most}");
        Some(Detail::field(name, "less_than_equal", msg).ctx(json!({"le": most})))
    } else {
        None
    }
}

/// A whole number as pydantic reads one: 5, 5.0 or "5".
pub fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| {
            let float = number.as_f64()?;
            (float.fract() == 0.0 && float.abs() < 9e15).then_some(float as i64)
        }),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A flag as pydantic reads one.
pub fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::Number(number) => number.as_i64().filter(|number| (0..=1).contains(number)).map(|number| number == 1),
        Value::String(text) => match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" | "t" | "y" => Some(true),
            "false" | "0" | "no" | "off" | "f" | "n" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn is_flag(value: &Value) -> bool {
    flag(value).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: [Field; 4] = [
        required("image_url", Type::Text),
        optional("texture", Type::OneOf(&["no", "standard", "HD"])),
        optional("face_limit", Type::Whole(14, i64::MAX)),
        optional("pbr", Type::Flag),
    ];

    fn kinds(input: Value) -> Vec<&'static str> {
        check(&FIELDS, &input).iter().map(|detail| detail.kind).collect()
    }

    #[test]
    fn every_fault_is_named_at_once() {
        assert_eq!(kinds(json!({})), ["missing"]);
        assert_eq!(
            kinds(json!({"image_url": 5, "texture": "hd", "face_limit": "many", "pbr": "perhaps"})),
            ["string_type", "literal_error", "int_parsing", "bool_parsing"]
        );
        assert_eq!(kinds(json!({"image_url": "x", "face_limit": 3})), ["greater_than_equal"]);
        assert_eq!(kinds(json!([])), ["model_attributes_type"]);
    }

    #[test]
    fn pydantics_leniency_is_kept() {
        let input = json!({"image_url": "x", "texture": null, "face_limit": "1000", "pbr": "true", "style": "gold"});
        assert!(kinds(input).is_empty());
    }

    #[test]
    fn literals_are_listed_as_pydantic_does() {
        let detail = check(&FIELDS, &json!({"image_url": "x", "texture": "hd"})).remove(0);
        assert_eq!(detail.msg, "Input should be 'no', 'standard' or 'HD'");
    }
}
