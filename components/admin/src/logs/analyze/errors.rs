//! Errors and warnings, grouped by what was said: the message, which is constant, with the code or, where there is none,
//! the error's words without their numbers.

use std::collections::{BTreeMap, HashMap};

use image2model_domain::log::{LogKind, LogLevel, cut, path_shape};
use image2model_domain::time::rfc3339;
use serde_json::{Map, Value, json};

use crate::logs::store::Stored;

/// Groups kept apart; what comes later is counted together.
const MOST_GROUPS: usize = 500;
/// Groups shown.
const SHOWN: usize = 20;
/// Examples of a group.
const EXAMPLES: usize = 3;
/// Of an error's words, in bytes.
const LONGEST: usize = 160;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    kind: LogKind,
    level: LogLevel,
    message: String,
    component: Option<String>,
    code: Option<String>,
    error: Option<String>,
}

impl Key {
    fn of(stored: &Stored) -> Self {
        let entry = &stored.entry;
        let code = ["code", "error_code"].iter().find_map(|name| entry.text(name)).map(str::to_owned);
        let error = if code.is_none() { entry.text("error").map(without_numbers) } else { None };
        let message = if stored.kind == LogKind::Access { request(stored) } else { entry.message.clone() };
        Self { kind: stored.kind, level: entry.level, message, component: entry.component.clone(), code, error }
    }
}

/// `POST /api/v1/upload answered 503`.
fn request(stored: &Stored) -> String {
    let entry = &stored.entry;
    let path = path_shape(entry.text("path").unwrap_or_default());
    format!(
        "{} {path} answered {}",
        entry.text("method").unwrap_or_default(),
        entry.number("status").unwrap_or_default()
    )
}

/// Runs of hex digits that hold a digit become `#`, so that ids, ports and times make no difference.
fn without_numbers(text: &str) -> String {
    let mut out = String::new();
    let mut word = String::new();
    for c in cut(text, LONGEST).chars().chain(std::iter::once(' ')) {
        if c.is_ascii_alphanumeric() {
            word.push(c);
            continue;
        }
        let numeric = word.bytes().any(|b| b.is_ascii_digit()) && word.bytes().all(|b| b.is_ascii_hexdigit());
        out.push_str(if numeric { "#" } else { &word });
        word.clear();
        out.push(c);
    }
    out.truncate(out.trim_end().len());
    out
}

#[derive(Debug)]
struct Group {
    count: u64,
    first: i64,
    last: i64,
    examples: Vec<Value>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Errors {
    groups: HashMap<Key, Group>,
    others: u64,
}

impl Errors {
    /// Counts an entry, if it is a warning or worse. The newest must come first: they are the examples.
    pub(super) fn add(&mut self, stored: &Stored) {
        if stored.entry.level > LogLevel::Warn || stored.kind == LogKind::Audit {
            return;
        }
        let (key, time) = (Key::of(stored), stored.entry.time);
        if self.groups.len() >= MOST_GROUPS && !self.groups.contains_key(&key) {
            self.others += 1;
            return;
        }
        let group =
            self.groups.entry(key).or_insert_with(|| Group { count: 0, first: time, last: time, examples: vec![] });
        group.count += 1;
        (group.first, group.last) = (group.first.min(time), group.last.max(time));
        if group.examples.len() < EXAMPLES {
            let e = &stored.entry;
            group.examples.push(json!({
                "id": stored.id.to_string(), "time": rfc3339(time), "request_id": e.request_id, "job_id": e.job_id,
                "file_id": e.file_id, "fal_request_id": e.fal_request_id, "error": e.text("error"),
            }));
        }
    }

    /// How often each error was said, of those that are shown; warnings are none.
    pub(super) fn patterns(&self) -> Map<String, Value> {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for (key, group) in self.groups.iter().filter(|(key, _)| key.level == LogLevel::Error) {
            *counts.entry(&key.message).or_default() += group.count;
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        counts.into_iter().take(SHOWN).map(|(message, count)| (message.to_owned(), count.into())).collect()
    }

    /// The most frequent first; of equally many the worst.
    pub(super) fn shown(&self) -> Value {
        let mut groups: Vec<_> = self.groups.iter().collect();
        groups.sort_by_key(|(key, group)| (std::cmp::Reverse(group.count), key.level, std::cmp::Reverse(group.last)));
        let total: u64 = groups.iter().map(|(_, group)| group.count).sum::<u64>() + self.others;
        let shown = groups.iter().take(SHOWN).map(|(key, group)| {
            json!({
                "message": key.message, "level": key.level, "type": key.kind.name(), "component": key.component,
                "code": key.code, "error": key.error, "count": group.count,
                "first": rfc3339(group.first), "last": rfc3339(group.last), "examples": group.examples,
            })
        });
        json!({ "total": total, "distinct": self.groups.len(), "most_frequent": shown.collect::<Vec<_>>() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::store::tests::stored;

    fn error(kind: LogKind, message: &str, fields: &[(&str, Value)]) -> Stored {
        stored(kind, LogLevel::Warn, message, fields)
    }

    #[test]
    fn the_same_words_with_other_numbers_are_one_error() {
        assert_eq!(without_numbers("port 6379 of 0a1B2c is closed"), "port # of # is closed");
        assert_eq!(without_numbers("added face"), "added face");
        let mut errors = Errors::default();
        for port in 1..=5 {
            let words = format!("port {port} refused");
            errors.add(&error(LogKind::App, "redis is away", &[("error", words.into())]));
        }
        errors.add(&error(LogKind::App, "redis is away", &[("code", "OTHER".into())]));
        errors.add(&stored(LogKind::App, LogLevel::Info, "all is well", &[]));
        let shown = errors.shown();
        assert_eq!((&shown["total"], &shown["distinct"]), (&6.into(), &2.into()));
        let first = &shown["most_frequent"][0];
        assert_eq!((&first["count"], &first["error"]), (&5.into(), &"port # refused".into()));
        assert_eq!(first["examples"].as_array().unwrap().len(), EXAMPLES);
    }

    #[test]
    fn requests_are_grouped_by_route_and_status() {
        let mut errors = Errors::default();
        for job in ["0123456789abcdef0123456789abcdef", "1123456789abcdef0123456789abcdef"] {
            let fields =
                [("method", "GET".into()), ("path", format!("/api/v1/status/{job}").into()), ("status", 503.into())];
            errors.add(&error(LogKind::Access, "request", &fields));
        }
        assert_eq!(errors.shown()["most_frequent"][0]["message"], "GET /api/v1/status/:id answered 503");
    }

    #[test]
    fn distinct_errors_are_bounded() {
        let mut errors = Errors::default();
        for n in 0..MOST_GROUPS + 7 {
            errors.add(&error(LogKind::App, &format!("{n}"), &[]));
        }
        let shown = errors.shown();
        assert_eq!((&shown["distinct"], &shown["total"]), (&MOST_GROUPS.into(), &(MOST_GROUPS + 7).into()));
    }
}
