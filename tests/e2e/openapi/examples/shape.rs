//! What two answers to the same question have in common: the fields, wherever they stand, and the words of a refusal.
//!
//! Numbers, ids and how far a job has come differ from run to run, and with them which of some fields are there: below
//! [`VARIES`] nothing is compared.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, ensure};
use serde_json::Value;

/// Fields whose own fields depend on what went before: maps by name, and whatever the schemas leave open.
const VARIES: [&str; 17] = [
    "by_level",
    "by_status",
    "by_type",
    "components",
    "details",
    "entries",
    "error_breakdown",
    "error_patterns",
    "errors",
    "events",
    "fields",
    "hosts",
    "request_patterns",
    "routes",
    "slowest_routes",
    "workers",
    "writers",
];

/// Fields with a sentence that is the same each time, numbers aside.
const WORDS: [&str; 5] = ["title", "detail", "error_code", "message", "type"];

/// Whether an answer is like the kept example of this name.
pub(super) fn compare(name: &str, example: &str, answer: &str) -> anyhow::Result<()> {
    if name.ends_with(".txt") {
        return equal("events", &events(example)?, &events(answer)?);
    }
    let (example, answer): (Value, Value) = (serde_json::from_str(example)?, serde_json::from_str(answer)?);
    if name.starts_with("problem.") {
        equal("words", &words(&example), &words(&answer))?;
    }
    equal("fields", &fields(&example), &fields(&answer))
}

fn equal(what: &str, example: &BTreeSet<String>, answer: &BTreeSet<String>) -> anyhow::Result<()> {
    let gone: Vec<_> = example.difference(answer).collect();
    let new: Vec<_> = answer.difference(example).collect();
    ensure!(
        gone.is_empty() && new.is_empty(),
        "other {what}: only in the example {gone:?}, only in the answer {new:?}"
    );
    Ok(())
}

/// The path of every field, `files[].error.code`.
fn fields(value: &Value) -> BTreeSet<String> {
    fn collect(value: &Value, at: &str, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                for (name, field) in fields {
                    let path = format!("{at}.{name}");
                    if !VARIES.contains(&name.as_str()) {
                        collect(field, &path, found);
                    }
                    found.insert(path);
                }
            }
            Value::Array(values) => values.iter().for_each(|value| collect(value, &format!("{at}[]"), found)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    collect(value, "", &mut found);
    found
}

/// The words of a refusal, their numbers left out.
fn words(problem: &Value) -> BTreeSet<String> {
    let of = |name: &&str| problem.get(*name).and_then(Value::as_str).map(|text| format!("{name}: {}", wordy(text)));
    WORDS.iter().filter_map(of).collect()
}

fn wordy(text: &str) -> String {
    let mut without = String::new();
    for letter in text.chars() {
        match letter {
            '0'..='9' if without.ends_with('0') => {}
            '0'..='9' => without.push('0'),
            _ => without.push(letter),
        }
    }
    without
}

/// The events of a stream with the fields that every one of the kind has.
fn events(text: &str) -> anyhow::Result<BTreeSet<String>> {
    let mut kinds: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for block in text.split("\n\n") {
        let line = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::trim_start);
        let Some(data) = line("data:") else { continue };
        let data: Value = serde_json::from_str(data).context("an event's data is no JSON")?;
        let kind = data.get("type").and_then(Value::as_str).unwrap_or_default();
        let found = fields(&data);
        let kind = format!("{} {kind}", line("event:").unwrap_or("message"));
        let known = kinds.entry(kind).or_insert_with(|| found.clone());
        known.retain(|field| found.contains(field));
    }
    Ok(kinds.into_iter().map(|(kind, fields)| format!("{kind} {fields:?}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_may_differ_and_fields_may_not() {
        let example =
            r#"{"count": 3, "files": [{"id": "a"}, {"id": "b", "error": {"code": "X"}}], "details": {"free": 1}}"#;
        let alike = r#"{"count": 5, "files": [{"id": "c", "error": {"code": "Y"}}], "details": {"more": 1}}"#;
        compare("getX.200.json", example, alike).unwrap();
        for other in [r#"{"count": 3, "files": [], "details": {}}"#, r#"{"count": 3}"#] {
            compare("getX.200.json", example, other).unwrap_err();
            compare("getX.200.json", other, example).unwrap_err();
        }
    }

    #[test]
    fn a_refusals_words_may_not_differ_but_for_numbers() {
        let said = |text: &str| format!(r#"{{"detail": "{text}", "request_id": "a"}}"#);
        compare("problem.400.X.json", &said("At most 25 files."), &said("At most 1000 files.")).unwrap();
        compare("problem.400.X.json", &said("At most 25 files."), &said("Too many files.")).unwrap_err();
    }

    #[test]
    fn a_streams_kinds_of_events_may_not_differ() {
        let one = "retry: 3000\n\nid: 1\nevent: task_progress\ndata: {\"a\": 1}\n\n";
        let more = format!("{one}id: 2\nevent: task_progress\ndata: {{\"a\": 2, \"b\": 3}}\n\n");
        compare("streamX.200.txt", one, &more).unwrap();
        let other = format!("{one}id: 2\nevent: heartbeat\ndata: {{\"a\": 2}}\n\n");
        compare("streamX.200.txt", one, &other).unwrap_err();
    }
}
