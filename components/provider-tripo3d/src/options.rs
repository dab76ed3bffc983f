//! From a client's options to FAL's request body. Only what the client set is sent, so FAL's own defaults hold for the
//! rest.

use alloc::format;
use alloc::string::{String, ToString};

use serde_json::{Map, Value};

use crate::Refusal;

/// What values an option may have.
enum Rule {
    Integer { least: i64, most: i64 },
    OneOf(&'static [&'static str]),
    Boolean,
}

const SEED: Rule = Rule::Integer { least: 0, most: i32::MAX as i64 };

/// FAL's names, which are also the clients'.
const RULES: [(&str, Rule); 8] = [
    ("face_limit", Rule::Integer { least: 1000, most: 500_000 }),
    ("texture", Rule::OneOf(&["no", "standard", "HD"])),
    ("pbr", Rule::Boolean),
    ("auto_size", Rule::Boolean),
    ("orientation", Rule::OneOf(&["default", "align_image"])),
    ("texture_alignment", Rule::OneOf(&["original_image", "geometry"])),
    ("seed", SEED),
    ("texture_seed", SEED),
];

impl Rule {
    fn check(&self, name: &str, value: &Value) -> Result<(), Refusal> {
        let expected = match self {
            Self::Integer { least, most } => match value.as_i64() {
                Some(number) if (*least..=*most).contains(&number) => return Ok(()),
                _ => format!("a whole number from {least} to {most}"),
            },
            Self::OneOf(words) => match value.as_str() {
                Some(word) if words.contains(&word) => return Ok(()),
                _ => format!("one of: {}", words.join(", ")),
            },
            Self::Boolean if value.is_boolean() => return Ok(()),
            Self::Boolean => "true or false".to_string(),
        };
        Err(Refusal::InvalidOptions(format!("{name} must be {expected}.")))
    }
}

/// FAL's request body for `options` (a JSON object, or empty) and the URL of the uploaded image.
///
/// # Errors
/// [`Refusal::InvalidOptions`], naming the first option that cannot be.
pub fn request(options: &str, image_url: &str) -> Result<String, Refusal> {
    let mut body = read(options)?;
    if body.get("pbr") == Some(&Value::Bool(true)) && body.get("texture").and_then(Value::as_str) == Some("no") {
        return Err(Refusal::InvalidOptions(
            "pbr needs a texture: leave out texture, or choose standard or HD.".into(),
        ));
    }
    body.insert("image_url".into(), image_url.into());
    Ok(Value::Object(body).to_string())
}

/// Reads and checks a client's options. `null` means "not set".
fn read(options: &str) -> Result<Map<String, Value>, Refusal> {
    if options.trim().is_empty() {
        return Ok(Map::new());
    }
    let Ok(Value::Object(options)) = serde_json::from_str(options) else {
        return Err(Refusal::InvalidOptions("The options must be a JSON object.".into()));
    };
    let mut known = Map::new();
    for (name, value) in options {
        let Some((_, rule)) = RULES.iter().find(|(known, _)| *known == name) else {
            let names: alloc::vec::Vec<&str> = RULES.iter().map(|(name, _)| *name).collect();
            let shown: String = name.chars().take(40).collect();
            let message = format!("{shown} is not an option of this model; it has {}.", names.join(", "));
            return Err(Refusal::InvalidOptions(message));
        };
        if !value.is_null() {
            rule.check(&name, &value)?;
            known.insert(name, value);
        }
    }
    Ok(known)
}

/// Whether the client asked for PBR materials, which decides which of the returned meshes is the one to hand out.
pub(crate) fn wants_pbr(options: &str) -> bool {
    read(options).is_ok_and(|options| options.get("pbr") == Some(&Value::Bool(true)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sent(options: &str) -> Value {
        serde_json::from_str(&request(options, "https://v3.fal.media/files/a/chair.jpg").unwrap()).unwrap()
    }

    fn refused(options: &str) -> String {
        let refusal = request(options, "https://v3.fal.media/x").unwrap_err();
        assert_eq!(refusal.code(), "INVALID_OPTIONS");
        refusal.to_string()
    }

    #[test]
    fn only_what_was_set_is_sent() {
        assert_eq!(sent(""), json!({ "image_url": "https://v3.fal.media/files/a/chair.jpg" }));
        assert_eq!(sent("{}"), sent(""));
        assert_eq!(sent(r#"{"face_limit":null}"#), sent(""));
        let all = json!({
            "face_limit": 20000, "texture": "HD", "pbr": true, "auto_size": true, "orientation": "align_image",
            "texture_alignment": "geometry", "seed": 0, "texture_seed": 2_147_483_647,
        });
        let mut expected = all.clone();
        expected["image_url"] = "https://v3.fal.media/files/a/chair.jpg".into();
        assert_eq!(sent(&all.to_string()), expected);
    }

    #[test]
    fn says_what_is_wrong() {
        assert_eq!(refused(r#"{"face_limit":999}"#), "face_limit must be a whole number from 1000 to 500000.");
        assert_eq!(refused(r#"{"face_limit":"1000"}"#), "face_limit must be a whole number from 1000 to 500000.");
        assert_eq!(refused(r#"{"face_limit":1000.5}"#), "face_limit must be a whole number from 1000 to 500000.");
        assert_eq!(refused(r#"{"texture":"hd"}"#), "texture must be one of: no, standard, HD.");
        assert_eq!(refused(r#"{"pbr":1}"#), "pbr must be true or false.");
        assert!(refused(r#"{"quad":true}"#).starts_with("quad is not an option of this model"));
        assert!(refused(r#"{"image_url":"http://169.254.169.254/"}"#).starts_with("image_url is not an option"));
        assert!(refused(r#"{"pbr":true,"texture":"no"}"#).starts_with("pbr needs a texture"));
        assert_eq!(refused("[1]"), "The options must be a JSON object.");
        assert_eq!(refused("{"), "The options must be a JSON object.");
    }

    #[test]
    fn the_schema_says_the_same() {
        let schema: Value = serde_json::from_str(crate::OPTIONS_SCHEMA).unwrap();
        let properties = schema["properties"].as_object().unwrap();
        assert_eq!(properties.len(), RULES.len());
        for (name, rule) in &RULES {
            let shown = &properties[*name];
            match rule {
                Rule::Integer { least, most } => {
                    assert_eq!((&shown["minimum"], &shown["maximum"]), (&json!(least), &json!(most)), "{name}");
                }
                Rule::OneOf(words) => assert_eq!(shown["enum"], json!(words), "{name}"),
                Rule::Boolean => assert_eq!(shown["type"], "boolean", "{name}"),
            }
        }
    }
}
