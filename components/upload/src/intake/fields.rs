//! The text fields of the form.

use image2model_domain::options::{InvalidOption, Options, OptionsSchema};
use image2model_domain::queue::Priority;
use image2model_domain::yes_or_no::yes_or_no;
use serde_json::{Map, Value};

use super::IntakeError;
use super::head::Head;
use super::limits::MAX_TEXT;

/// What the client chose.
#[derive(Debug, Clone, PartialEq)]
pub struct Fields {
    /// For the model.
    pub options: Options,
    /// More of them by the provider's own names, judged by whoever knows the provider.
    pub further: Map<String, Value>,
    /// Provider id, when one was named.
    pub model: Option<String>,
    /// `false` only stores the images.
    pub process: bool,
    /// Whom to call when the job has ended; judged by whoever knows what is allowed.
    pub webhook_url: Option<String>,
    /// Its place among the caller's own files.
    pub priority: Priority,
}

impl Default for Fields {
    fn default() -> Self {
        Self {
            options: Options::default(),
            further: Map::new(),
            model: None,
            process: true,
            webhook_url: None,
            priority: Priority::default(),
        }
    }
}

impl Fields {
    /// Whether a field means something here; all others are ignored.
    pub(super) fn knows(name: &str) -> bool {
        matches!(name, "model" | "options" | "process" | "webhook_url" | "priority")
            || Options::default().set_field(name, "").is_ok_and(|known| known)
    }

    /// Takes one field. An empty value means "not set".
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<(), IntakeError> {
        let value = value.trim();
        let refuse = |message: &str| {
            Err(IntakeError::Field(InvalidOption { name: name.to_owned(), message: message.to_owned() }))
        };
        match name {
            _ if value.is_empty() => {}
            "model" if is_provider_id(value) => self.model = Some(value.to_owned()),
            "model" => return refuse("must be one of the models of GET /api/v1/models/available"),
            "options" => match serde_json::from_str(value) {
                Ok(Value::Object(further)) => self.further = further,
                _ => return refuse("must be a JSON object of the model's options"),
            },
            "process" => match yes_or_no(value) {
                Some(process) => self.process = process,
                None => return refuse("must be true or false"),
            },
            "priority" => match Priority::parse(value) {
                Some(priority) => self.priority = priority,
                None => return refuse(Priority::EXPECTED),
            },
            "webhook_url" => self.webhook_url = Some(value.to_owned()),
            _ => {
                self.options.set_field(name, value).map_err(IntakeError::Field)?;
            }
        }
        Ok(())
    }

    /// Takes the further options over, as far as the provider has them; one that the form has a field for is the field's.
    ///
    /// # Errors
    /// [`IntakeError::Field`] for an option that the provider does not have, or not with this value.
    pub fn complete(&mut self, schema: &OptionsSchema) -> Result<(), IntakeError> {
        for (name, value) in std::mem::take(&mut self.further) {
            if self.options.get(&name).is_none() {
                self.options.set(&name, &value, schema).map_err(IntakeError::Field)?;
            }
        }
        Ok(())
    }
}

fn is_provider_id(value: &str) -> bool {
    value.len() <= 64 && value.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b))
}

/// The whole value of a text field.
pub(super) async fn read_text(head: &Head, field: &mut multer::Field<'_>) -> Result<String, IntakeError> {
    let refuse = |message: String| IntakeError::Field(InvalidOption { name: head.name.clone(), message });
    if head.encoded {
        return Err(refuse("must be plain text, without a Content-Transfer-Encoding".to_owned()));
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await? {
        if bytes.len() + chunk.len() > MAX_TEXT {
            return Err(refuse(format!("may have at most {MAX_TEXT} bytes")));
        }
        bytes.extend_from_slice(&chunk);
    }
    String::from_utf8(bytes).map_err(|_| refuse("must be UTF-8 text".to_owned()))
}
