//! Answers of the running product as the document shows them: real in everything but what differs each time.
//!
//! Ids, times, addresses and names of the machine are replaced, the same by the same, so that an example still hangs
//! together and a renewal changes only what changed in the product. Without a renewal an answer is held against the kept
//! example: it has the same fields, and a refusal the same words.

mod shape;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;

use anyhow::Context;
use regex::{Captures, Regex};
use serde_json::Value;

use super::contract::Answer;
use image2model_tests::process::root;

/// Set to write examples down.
pub const UPDATE: &str = "UPDATE_EXAMPLES";

/// The first id; others follow from it.
const FIRST_ID: u128 = 0x5f0c_2a9b_e1d3_4786_a0b1_c2d3_e4f5_0617;
/// Between one id and the next.
const STEP: u128 = 0x1b87_3593_9e37_79b9_7f4a_7c15_f39c_c061;

/// Makes answers into examples.
pub struct Examples {
    ids: Regex,
    times: Regex,
    hosts: Regex,
    local: Regex,
    known: HashMap<String, String>,
    /// What was answered, by the example's file.
    notes: BTreeMap<String, String>,
}

impl Examples {
    /// With nothing seen yet.
    ///
    /// # Errors
    /// When a pattern is none.
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self {
            ids: Regex::new(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32}")?,
            times: Regex::new(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")?,
            hosts: Regex::new(r"http:\\?/\\?/127\.0\.0\.1:\d+\\?/cdn\\?/")?,
            local: Regex::new(r"127\.0\.0\.1:\d+")?,
            known: HashMap::new(),
            notes: BTreeMap::new(),
        })
    }

    /// The text with everything replaced that differs each time.
    pub fn normal(&mut self, text: &str) -> String {
        let known = &mut self.known;
        let text = self.hosts.replace_all(text, "https://v3.fal.media/");
        let text = self.local.replace_all(&text, "127.0.0.1:3000");
        let text = self.times.replace_all(&text, "2026-01-15T09:30:00.000Z");
        let replace = |found: &Captures<'_>| {
            let given = found.get(0).map_or("", |m| m.as_str());
            let digits = given.replace('-', "");
            let next = FIRST_ID.wrapping_add(STEP.wrapping_mul(known.len() as u128));
            let id = known.entry(digits).or_insert_with(|| format!("{next:032x}")).clone();
            if given.contains('-') { as_uuid(&id) } else { id }
        };
        self.ids.replace_all(&text, replace).into_owned()
    }

    /// Remembers an answer as the example of this name: `<name>.json`, or `.txt` for an event stream. Other bodies are no
    /// examples. Of several the last one counts.
    ///
    /// # Errors
    /// When it is not what its media type says.
    pub fn note(&mut self, name: &str, answer: &Answer) -> anyhow::Result<()> {
        let kind = answer.media_type();
        let events = kind == "text/event-stream";
        if !(events || kind == "application/json" || kind == "application/problem+json") {
            return Ok(());
        }
        let text = self.normal(&String::from_utf8_lossy(&answer.body));
        let (text, extension) = if events { (text, "txt") } else { (tidy(&text)?, "json") };
        self.notes.insert(format!("{name}.{extension}"), text);
        Ok(())
    }

    /// Writes the answers down when [`UPDATE`] is set, and removes what nothing asked for; else holds each against the kept
    /// example.
    ///
    /// # Errors
    /// When they cannot be written; every answer that is not like its example, every example that is missing or that
    /// nothing asked for.
    pub fn settle(&self) -> anyhow::Result<()> {
        let folder: PathBuf = root().join("openapi/examples");
        std::fs::create_dir_all(&folder)?;
        let entries = std::fs::read_dir(&folder)?.collect::<Result<Vec<_>, _>>()?;
        let kept: BTreeSet<String> = entries.iter().map(|e| e.file_name().to_string_lossy().into_owned()).collect();
        let mut left = kept.iter().filter(|name| !self.notes.contains_key(*name));
        if std::env::var_os(UPDATE).is_some() {
            for (name, text) in &self.notes {
                std::fs::write(folder.join(name), text)?;
            }
            left.try_for_each(|name| std::fs::remove_file(folder.join(name)))?;
            return Ok(());
        }
        let mut complaints: Vec<String> = left.map(|name| format!("{name}: nothing asks for it")).collect();
        for (name, text) in &self.notes {
            let compared = std::fs::read_to_string(folder.join(name)).context("there is no such example");
            if let Err(error) = compared.and_then(|example| shape::compare(name, &example, text)) {
                complaints.push(format!("{name}: {error:#}"));
            }
        }
        anyhow::ensure!(complaints.is_empty(), "{}\nrenew them with {UPDATE}=1", complaints.join("\n"));
        Ok(())
    }
}

fn as_uuid(id: &str) -> String {
    let part = |from: usize, to: usize| id.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

/// Without what tells of the machine or could be used.
fn tidy(text: &str) -> anyhow::Result<String> {
    let mut value: Value = serde_json::from_str(text)?;
    veil(&mut value);
    Ok(serde_json::to_string_pretty(&value)? + "\n")
}

fn veil(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match (name.as_str(), &field) {
                    ("host", Value::String(_)) => *field = "edge-1".into(),
                    ("hosts", Value::Array(list)) if list.iter().all(Value::is_string) => {
                        *field = serde_json::json!(["edge-1"])
                    }
                    ("key", Value::String(key)) if key.starts_with("i2m_") => {
                        *field = format!("i2m_{:0<43}", "shown-once-").into()
                    }
                    ("access_token" | "secret" | "webhook_secret", Value::String(_)) => *field = "shown once".into(),
                    ("page", Value::String(page)) => {
                        if let Some((address, _)) = page.split_once("access_token=") {
                            *field = format!("{address}access_token=shown-once").into();
                        }
                    }
                    _ => veil(field),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(veil),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_replaced_by_the_same() {
        let mut examples = Examples::new().unwrap();
        let id = "ab".repeat(16);
        let text = examples.normal(&format!("{id} {} {id} http://127.0.0.1:4711/cdn/x", as_uuid(&id)));
        let words: Vec<&str> = text.split(' ').collect();
        assert_eq!(words[0], words[2]);
        assert_eq!((words[1], words[3]), (&*as_uuid(words[0]), "https://v3.fal.media/x"));
        assert_ne!(words[0], id);
    }
}
