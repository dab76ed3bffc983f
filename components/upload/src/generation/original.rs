//! The original system's body, `{file_id, model_type, quality, texture_enabled}`, in the options that models have now.
//!
//! `model_type` names an installed model, or is `default`. `quality`: `low` asks for 10,000 faces, `medium`, or
//! `standard` as the original had it when nothing was said, leaves the number to the model, `high` does too and asks for the finest texture there is. `texture_enabled: false` leaves textures out. A
//! model that lacks one of these options goes by its own choice.

use image2model_domain::FileId;
use image2model_domain::options::{InvalidOption, OptionsSchema};
use image2model_domain::queue::Priority;
use serde_json::{Map, Value, json};

use super::Wish;
use super::request::{invalid, take_priority, take_text};

/// Faces of `low`.
const FEW_FACES: u32 = 10_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quality {
    Low,
    Medium,
    High,
}

/// What is asked for, in the original's words.
#[derive(Debug, Clone, PartialEq)]
pub struct Original {
    /// The file.
    pub file: FileId,
    model: Option<String>,
    quality: Option<Quality>,
    textured: Option<bool>,
    webhook_url: Option<String>,
    priority: Priority,
}

impl Original {
    /// Reads the body.
    ///
    /// # Errors
    /// [`InvalidOption`], which names the field and what it may be.
    pub fn read(mut body: Map<String, Value>) -> Result<Self, InvalidOption> {
        let file = take_text(&mut body, "file_id")?.and_then(|text| FileId::parse(&text).ok());
        let file = file.ok_or_else(|| invalid("file_id", "must be the id of a file"))?;
        let quality = match take_text(&mut body, "quality")?.as_deref() {
            None => None,
            Some("low") => Some(Quality::Low),
            Some("medium" | "standard") => Some(Quality::Medium),
            Some("high") => Some(Quality::High),
            Some(_) => return Err(invalid("quality", "must be one of low, medium, standard, high")),
        };
        let textured = match body.remove("texture_enabled") {
            None | Some(Value::Null) => None,
            Some(Value::Bool(textured)) => Some(textured),
            Some(_) => return Err(invalid("texture_enabled", "must be true or false")),
        };
        let model = take_text(&mut body, "model_type")?;
        let webhook_url = take_text(&mut body, "webhook_url")?;
        let priority = take_priority(&mut body)?;
        match body.keys().next() {
            Some(name) => Err(invalid(
                name,
                "is not known; there are file_id, model_type, quality, texture_enabled, webhook_url, priority",
            )),
            None => Ok(Self { file, model, quality, textured, webhook_url, priority }),
        }
    }

    /// The model that it names.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// The same in the options of a model.
    #[must_use]
    pub fn wish(&self, schema: &OptionsSchema) -> Wish {
        let mut options = Map::new();
        match self.quality {
            Some(Quality::Low) if schema.has("face_limit") => {
                drop(options.insert("face_limit".into(), json!(FEW_FACES)))
            }
            Some(_) => drop(options.insert("face_limit".into(), Value::Null)),
            None => {}
        }
        let texture = match (self.textured, self.quality) {
            (Some(false), _) => Some(&[json!("no"), json!(false)]),
            (_, Some(Quality::High)) => Some(&[json!("HD"), json!(true)]),
            (Some(true), _) => Some(&[json!("standard"), json!(true)]),
            (None, _) => None,
        };
        let takes = |value: &&Value| schema.takes("texture", value);
        if let Some(value) = texture.and_then(|words| words.iter().find(takes).cloned()) {
            options.insert("texture".into(), value);
        }
        if self.textured == Some(false) && schema.has("pbr") {
            options.insert("pbr".into(), Value::Null);
        }
        Wish { model: self.model.clone(), options, webhook_url: self.webhook_url.clone(), priority: self.priority }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(body: Value, schema: &Value) -> Value {
        let mut body = body.as_object().cloned().unwrap_or_default();
        body.insert("file_id".into(), json!(FileId::from_random([1; 16])));
        Value::Object(Original::read(body).unwrap().wish(&OptionsSchema::new(schema)).options)
    }

    fn tripo() -> Value {
        json!({ "properties": {
            "face_limit": { "type": "integer", "minimum": 1000, "maximum": 500_000 },
            "texture": { "enum": ["no", "standard", "HD"] }, "pbr": { "type": "boolean" },
        } })
    }

    #[test]
    fn the_originals_words_become_options() {
        assert_eq!(wish(json!({}), &tripo()), json!({}));
        assert_eq!(wish(json!({ "quality": "low" }), &tripo()), json!({ "face_limit": 10_000 }));
        let medium = json!({ "face_limit": null });
        assert_eq!(wish(json!({ "quality": "medium" }), &tripo()), medium);
        assert_eq!(wish(json!({ "quality": "standard" }), &tripo()), medium);
        assert_eq!(wish(json!({ "quality": "high" }), &tripo()), json!({ "face_limit": null, "texture": "HD" }));
        let plain = json!({ "face_limit": null, "texture": "no", "pbr": null });
        assert_eq!(wish(json!({ "quality": "high", "texture_enabled": false }), &tripo()), plain);
        let other = json!({ "properties": { "texture": { "type": "boolean" } } });
        assert_eq!(
            wish(json!({ "quality": "low", "texture_enabled": true }), &other),
            json!({ "face_limit": null, "texture": true })
        );
    }

    #[test]
    fn unknown_words_are_refused_with_the_known_ones() {
        let file = FileId::from_random([1; 16]);
        let refused =
            |body: Value| Original::read(body.as_object().cloned().unwrap_or_default()).unwrap_err().to_string();
        assert_eq!(
            refused(json!({ "file_id": file, "quality": "ultra" })),
            "quality: must be one of low, medium, standard, high"
        );
        assert_eq!(
            refused(json!({ "file_id": file, "texture_enabled": "yes" })),
            "texture_enabled: must be true or false"
        );
        assert!(refused(json!({ "file_id": file, "colour": 1 })).starts_with("colour: is not known"));
        assert!(refused(json!({ "quality": "low" })).starts_with("file_id"));
    }
}
