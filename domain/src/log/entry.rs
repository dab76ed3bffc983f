//! One entry of a log, as it is stored and read.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// How bad it is, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum LogLevel {
    /// Something failed.
    Error,
    /// Something needs a look.
    Warn,
    /// Something happened.
    Info,
}

impl LogLevel {
    /// All of them, the worst first.
    pub const ALL: [Self; 3] = [Self::Error, Self::Warn, Self::Info];

    /// As it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Warn => "WARN",
            Self::Info => "INFO",
        }
    }

    /// Reads a level in any case; Python's names are understood.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name.to_ascii_uppercase().as_str() {
            "ERROR" | "CRITICAL" => Some(Self::Error),
            "WARN" | "WARNING" => Some(Self::Warn),
            "INFO" => Some(Self::Info),
            _ => None,
        }
    }
}

/// An entry. Ids that it does not carry are left out of the JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogEntry {
    /// When it was said, ms since 1970.
    pub time: i64,
    /// How bad it is.
    pub level: LogLevel,
    /// Which part of the program said it.
    #[serde(default)]
    pub target: String,
    /// A constant text; what varies is in the fields.
    pub message: String,
    /// The machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The component that said it, or that answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// The request it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The job it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    /// The file it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_id: Option<String>,
    /// FAL.AI's id of the request it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fal_request_id: Option<String>,
    /// Everything else.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub fields: Map<String, Value>,
}

impl LogEntry {
    /// An entry without ids and fields.
    #[must_use]
    pub fn new(time: i64, level: LogLevel, target: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            time,
            level,
            target: target.into(),
            message: message.into(),
            host: None,
            component: None,
            request_id: None,
            job_id: None,
            file_id: None,
            fal_request_id: None,
            fields: Map::new(),
        }
    }

    /// As it stands in the stream.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads it back; `None` when it is not an entry.
    #[must_use]
    pub fn parse(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }

    /// A field as text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.fields.get(name).and_then(Value::as_str)
    }

    /// A field as a whole number.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u64> {
        self.fields.get(name).and_then(Value::as_u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_read_as_it_was_written() {
        let mut entry = LogEntry::new(1, LogLevel::Warn, "t", "m");
        entry.job_id = Some("j".into());
        entry.fields.insert("status".into(), 503.into());
        let json = entry.to_json();
        assert!(json.contains(r#""level":"WARN""#) && !json.contains("file_id"), "{json}");
        assert_eq!(LogEntry::parse(&json), Some(entry));
        assert_eq!(LogEntry::parse("{}"), None);
    }

    #[test]
    fn the_worst_level_is_the_least() {
        assert!(LogLevel::Error < LogLevel::Warn && LogLevel::Warn < LogLevel::Info);
        assert_eq!(LogLevel::parse("warning"), Some(LogLevel::Warn));
        assert_eq!(LogLevel::parse("loud"), None);
    }
}
