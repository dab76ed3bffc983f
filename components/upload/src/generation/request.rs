//! The body of `POST /models/generate-single`: which image, and whatever options the model has.

use image2model_domain::options::{InvalidOption, Options, OptionsSchema};
use image2model_domain::queue::Priority;
use image2model_domain::{FileId, JobId, digest};
use serde_json::{Map, Value};

/// What is asked of a model.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Wish {
    /// Provider id, when one is named.
    pub model: Option<String>,
    /// Options by name, `null` to take one back.
    pub options: Map<String, Value>,
    /// To be called when the file has ended.
    pub webhook_url: Option<String>,
    /// The file's place among the caller's own.
    pub priority: Priority,
}

/// A file, and what is to be made of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// Its job.
    pub job: JobId,
    /// The file.
    pub file: FileId,
    /// What is asked of a model.
    pub wish: Wish,
}

impl Asked {
    /// Reads the body; every field that is not `job_id`, `file_id`, `model`, `priority` or `webhook_url` is an option.
    ///
    /// # Errors
    /// [`InvalidOption`], which names the field.
    pub fn read(mut body: Map<String, Value>) -> Result<Self, InvalidOption> {
        let job = take_text(&mut body, "job_id")?.and_then(|text| JobId::parse(&text).ok());
        let file = take_text(&mut body, "file_id")?.and_then(|text| FileId::parse(&text).ok());
        let model = take_text(&mut body, "model")?;
        let webhook_url = take_text(&mut body, "webhook_url")?;
        let priority = take_priority(&mut body)?;
        Ok(Self {
            job: job.ok_or_else(|| invalid("job_id", "must be the id of a job"))?,
            file: file.ok_or_else(|| invalid("file_id", "must be the id of a file"))?,
            wish: Wish { model, options: body, webhook_url, priority },
        })
    }
}

impl Wish {
    /// The options to generate with: those given over those that the file has.
    ///
    /// # Errors
    /// [`InvalidOption`] for the first that the model does not have, or not with this value.
    pub fn over(&self, own: Options, schema: &OptionsSchema) -> Result<Options, InvalidOption> {
        let mut options = own;
        self.options.iter().try_for_each(|(name, value)| options.set(name, value, schema))?;
        Ok(options)
    }

    /// Tells requests under one idempotency key apart.
    #[must_use]
    pub fn digest(&self, file: &FileId) -> String {
        let Self { model, options, webhook_url, priority } = self;
        let options = Value::Object(options.clone());
        let priority = priority.as_str();
        digest::sha256_hex(format!("generate\n{file}\n{model:?}\n{webhook_url:?}\n{priority}\n{options}").as_bytes())
    }
}

/// Takes a text out of the body; an empty one, or `null`, is none.
pub(super) fn take_text(body: &mut Map<String, Value>, name: &str) -> Result<Option<String>, InvalidOption> {
    match body.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
        Some(_) => Err(invalid(name, "must be text")),
    }
}

/// Takes the priority out of the body; normal when there is none.
pub(super) fn take_priority(body: &mut Map<String, Value>) -> Result<Priority, InvalidOption> {
    match take_text(body, "priority")? {
        None => Ok(Priority::default()),
        Some(name) => Priority::parse(&name).ok_or_else(|| invalid("priority", Priority::EXPECTED)),
    }
}

pub(super) fn invalid(name: &str, message: &str) -> InvalidOption {
    InvalidOption { name: name.to_owned(), message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(body: Value) -> Result<Asked, InvalidOption> {
        Asked::read(body.as_object().cloned().unwrap_or_default())
    }

    #[test]
    fn what_is_not_known_here_is_an_option() {
        let (job, file) = (JobId::from_random([1; 16]), FileId::from_random([2; 16]));
        let body = json!({ "job_id": job, "file_id": file, "face_limit": 5000, "model": "", "webhook_url": null });
        let asked = read(body).unwrap();
        let (asked_job, asked_file) = (asked.job.clone(), asked.file.clone());
        assert_eq!((asked.job, asked.file, asked.wish.model, asked.wish.webhook_url), (job, file, None, None));
        assert_eq!(Value::Object(asked.wish.options), json!({ "face_limit": 5000 }));
        assert_eq!(asked.wish.priority, Priority::Normal);
        let hasty = json!({ "job_id": asked_job, "file_id": asked_file, "priority": "high" });
        assert_eq!(read(hasty).unwrap().wish.priority, Priority::High);
        let urgent = json!({ "job_id": asked_job, "file_id": asked_file, "priority": "urgent" });
        assert_eq!(read(urgent).unwrap_err().to_string(), "priority: must be high, normal or low");
        assert_eq!(read(json!({ "job_id": 7 })).unwrap_err().to_string(), "job_id: must be text");
        assert_eq!(read(json!({})).unwrap_err().name, "job_id");
    }

    #[test]
    fn given_options_win_over_the_files_own() {
        let schema = OptionsSchema::new(
            &json!({ "properties": { "face_limit": { "type": "integer" }, "pbr": { "type": "boolean" } } }),
        );
        let own = Options::from_json(r#"{"face_limit":1000,"pbr":true}"#);
        let wish =
            |options: Value| Wish { options: options.as_object().cloned().unwrap_or_default(), ..Wish::default() };
        assert_eq!(
            wish(json!({ "face_limit": 2000, "pbr": null })).over(own.clone(), &schema).unwrap().to_json(),
            r#"{"face_limit":2000}"#
        );
        assert!(wish(json!({ "seed": 1 })).over(own, &schema).is_err());
        let file = FileId::from_random([2; 16]);
        assert_ne!(wish(json!({ "pbr": true })).digest(&file), wish(json!({ "pbr": false })).digest(&file));
    }
}
