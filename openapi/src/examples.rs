//! Answers that the running product gave, written down by `tests/e2e/openapi` with `UPDATE_EXAMPLES=1`.
//!
//! `getJobStatus.200.completed.json` is an answer of that operation with that status; `problem.404.JOB_NOT_FOUND.json` is a
//! refusal, shown wherever it can occur. `.txt` is the text of an event stream.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context;
use serde_json::{Map, Value, json};

use crate::json::reference;
use crate::source;

/// All of them, by the name of their file without its extension.
#[derive(Debug)]
pub struct Examples(BTreeMap<String, Value>);

impl Examples {
    /// Reads the folder.
    pub fn read(folder: &Path) -> anyhow::Result<Self> {
        let mut all = BTreeMap::new();
        for path in [source::files(folder, "json")?, source::files(folder, "txt")?].concat() {
            let text = fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
            let value = if path.extension().is_some_and(|found| found == "json") {
                serde_json::from_str(&text).with_context(|| format!("{} is no JSON", path.display()))?
            } else {
                Value::String(text)
            };
            let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
            all.insert(name.unwrap_or_default(), value);
        }
        Ok(Self(all))
    }

    /// As `components/examples`.
    pub fn components(&self) -> Value {
        self.0
            .iter()
            .map(|(name, value)| (name.clone(), json!({ "summary": summary(name), "value": value })))
            .collect::<Map<_, _>>()
            .into()
    }

    /// The examples of one answer: those of the operation with that status.
    pub fn of_answer(&self, operation: &str, status: &str) -> Map<String, Value> {
        let beginning = format!("{operation}.{status}");
        let fits =
            |name: &&String| name.strip_prefix(&beginning).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        self.0.keys().filter(fits).map(|name| (summary(name), component(name))).collect()
    }

    /// The examples of a refusal with one of these codes.
    pub fn of_problem(&self, status: &str, codes: &[String]) -> Map<String, Value> {
        let found = codes.iter().map(|code| (code, format!("problem.{status}.{code}")));
        found
            .filter(|(_, name)| self.0.contains_key(name))
            .map(|(code, name)| (code.clone(), component(&name)))
            .collect()
    }
}

fn component(name: &str) -> Value {
    reference(&format!("#/components/examples/{name}"))
}

/// What tells it from the other examples of the same answer.
fn summary(name: &str) -> String {
    name.splitn(3, '.').nth(2).unwrap_or("answer").to_owned()
}
