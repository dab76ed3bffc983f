//! Which entries are wanted. What must stand in an entry is looked for in its text first, so that only entries which may
//! be meant are taken apart.

use image2model_domain::log::{LogEntry, LogLevel};
use image2model_domain::{Problem, request_id};
use image2model_kit::query::Query;

use crate::logs::ask;
use crate::logs::store::{Raw, Stored};

/// The longest text to look for, in characters.
const LONGEST: usize = 200;

type Field = fn(&LogEntry) -> Option<&str>;

/// Ids that an entry may be asked for by.
const IDS: [(&str, Field); 4] = [
    ("request_id", |entry| entry.request_id.as_deref()),
    ("job_id", |entry| entry.job_id.as_deref()),
    ("file_id", |entry| entry.file_id.as_deref()),
    ("fal_request_id", |entry| entry.fal_request_id.as_deref()),
];

/// What is asked for.
#[derive(Debug, Default)]
pub(super) struct Filter {
    level: Option<LogLevel>,
    ids: Vec<(Field, String)>,
    component: Option<String>,
    text: Option<String>,
}

impl Filter {
    /// Reads `level`, the ids, `component` and `q`.
    pub(super) fn of(query: &Query) -> Result<Self, Problem> {
        let mut filter = Self { level: ask::level(query.get("level"))?, ..Self::default() };
        for (name, field) in IDS {
            if let Some(id) = query.get(name) {
                if !request_id::is_acceptable(id) {
                    return Err(ask::wrong(name, "an id of up to 128 letters, digits, dots, underscores and hyphens"));
                }
                filter.ids.push((field, id.to_owned()));
            }
        }
        let text = |name: &str| match query.get(name) {
            Some(text) if text.is_empty() || text.chars().count() > LONGEST => {
                Err(ask::wrong(name, format!("1 to {LONGEST} characters long")))
            }
            text => Ok(text.map(str::to_owned)),
        };
        filter.component = text("component")?;
        filter.text = text("q")?.map(|text| text.to_lowercase());
        Ok(filter)
    }

    /// Every entry is wanted.
    pub(super) fn is_empty(&self) -> bool {
        self.level.is_none() && self.ids.is_empty() && self.component.is_none() && self.text.is_none()
    }

    /// The entry, if it is wanted.
    pub(super) fn take(&self, raw: &Raw) -> Option<Stored> {
        if !self.ids.iter().all(|(_, id)| raw.json.contains(id.as_str())) {
            return None;
        }
        if let Some(text) = &self.text
            && !raw.json.to_lowercase().contains(text)
        {
            return None;
        }
        raw.read().filter(|stored| self.fits(&stored.entry))
    }

    fn fits(&self, entry: &LogEntry) -> bool {
        self.level.is_none_or(|level| entry.level <= level)
            && self.ids.iter().all(|(field, id)| field(entry) == Some(id))
            && self.component.as_deref().is_none_or(|component| entry.component.as_deref() == Some(component))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::store::EntryId;
    use image2model_domain::log::LogKind;

    fn wants(query: &str, json: &str) -> bool {
        let raw = Raw { id: EntryId { ms: 1, seq: 0 }, kind: LogKind::App, json: json.to_owned() };
        Filter::of(&Query::parse(query)).unwrap().take(&raw).is_some()
    }

    #[test]
    fn narrows_by_all_that_is_asked() {
        let json = r#"{"time":1,"level":"WARN","message":"An attempt failed","request_id":"r-1","component":"upload"}"#;
        for yes in ["", "level=info", "level=WARN", "request_id=r-1", "component=upload&q=ATTEMPT"] {
            assert!(wants(yes, json), "{yes}");
        }
        for no in ["level=ERROR", "request_id=r", "job_id=r-1", "component=status", "q=attempted"] {
            assert!(!wants(no, json), "{no}");
        }
        assert!(!wants("", "no entry"));
    }

    #[test]
    fn refuses_what_cannot_be_an_id() {
        for bad in ["request_id=a%20b", "job_id=%00", "job_id=", "level=loud", "q="] {
            assert_eq!(Filter::of(&Query::parse(bad)).unwrap_err().status(), 422, "{bad}");
        }
        assert!(Filter::of(&Query::parse(&format!("q={}", "x".repeat(201)))).is_err());
    }
}
