//! The forms of an export: one JSON object a line, or CSV (RFC 4180).

use image2model_domain::Problem;
use image2model_domain::time::rfc3339;

use crate::logs::ask;
use crate::logs::store::Stored;

const COLUMNS: [&str; 13] = [
    "id",
    "time",
    "type",
    "level",
    "message",
    "component",
    "request_id",
    "job_id",
    "file_id",
    "fal_request_id",
    "host",
    "target",
    "fields",
];

/// How entries are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Ndjson,
    Csv,
}

impl Form {
    pub(super) fn parse(name: Option<&str>) -> Result<Self, Problem> {
        match name {
            None | Some("ndjson") => Ok(Self::Ndjson),
            Some("csv") => Ok(Self::Csv),
            Some(_) => Err(ask::wrong("format", "ndjson or csv")),
        }
    }

    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8",
        }
    }

    pub(super) fn extension(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
        }
    }

    /// What stands before the first entry.
    pub(super) fn head(self) -> Vec<u8> {
        match self {
            Self::Ndjson => Vec::new(),
            Self::Csv => format!("{}\r\n", COLUMNS.join(",")).into_bytes(),
        }
    }

    /// Writes one entry, line end included.
    pub(super) fn write(self, stored: &Stored, into: &mut Vec<u8>) {
        let line = match self {
            Self::Ndjson => format!("{}\n", stored.shown()),
            Self::Csv => format!("{}\r\n", cells(stored).map(|cell| quoted(&cell)).join(",")),
        };
        into.extend_from_slice(line.as_bytes());
    }
}

fn cells(stored: &Stored) -> [String; 13] {
    let entry = &stored.entry;
    let id = |id: &Option<String>| id.clone().unwrap_or_default();
    let fields = if entry.fields.is_empty() { String::new() } else { serde_json::json!(entry.fields).to_string() };
    [
        stored.id.to_string(),
        rfc3339(entry.time),
        stored.kind.name().to_owned(),
        entry.level.name().to_owned(),
        entry.message.clone(),
        id(&entry.component),
        id(&entry.request_id),
        id(&entry.job_id),
        id(&entry.file_id),
        id(&entry.fal_request_id),
        id(&entry.host),
        entry.target.clone(),
        fields,
    ]
}

/// A cell. One that a spreadsheet would take for a formula gets an apostrophe in front: what clients send is in the logs.
fn quoted(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = format!("{}{}", if formula { "'" } else { "" }, cell.replace('"', "\"\""));
    if text.contains([',', '"', '\n', '\r']) { format!("\"{text}\"") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::store::tests::stored;
    use image2model_domain::log::{LogKind, LogLevel};

    #[test]
    fn cells_stay_cells() {
        assert_eq!(quoted("plain"), "plain");
        assert_eq!(quoted("a \"b\", c"), "\"a \"\"b\"\", c\"");
        assert_eq!(quoted("two\nlines"), "\"two\nlines\"");
        assert_eq!(quoted("=1+1"), "'=1+1");
    }

    #[test]
    fn both_forms_hold_the_entry() {
        let stored = stored(LogKind::App, LogLevel::Info, "hello, you", &[("n", 1.into())]);
        let written = |form: Form| {
            let mut out = form.head();
            form.write(&stored, &mut out);
            String::from_utf8(out).unwrap()
        };
        let json: serde_json::Value = serde_json::from_str(written(Form::Ndjson).trim_end()).unwrap();
        assert_eq!((&json["message"], &json["type"]), (&"hello, you".into(), &"app".into()));
        let csv = written(Form::Csv);
        assert_eq!(
            csv.lines().nth(1),
            Some("1000-0,1970-01-01T00:00:01.000Z,app,INFO,\"hello, you\",,,,,,,t,\"{\"\"n\"\":1}\"")
        );
        assert_eq!(csv.lines().next().unwrap().split(',').count(), COLUMNS.len());
    }

    #[test]
    fn unknown_forms_are_refused() {
        assert_eq!(Form::parse(None).unwrap(), Form::Ndjson);
        assert_eq!(Form::parse(Some("xml")).unwrap_err().status(), 422);
    }
}
