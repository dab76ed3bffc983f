//! Where in `spin.toml` everything stands, so that whoever reads of a mistake finds it: a tree of lines in the shape of the
//! file. It is as large as the file, and built once at load.

use std::collections::BTreeMap;
use std::fmt;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A place that a message is about: in words, and by its line where the manifest has one for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    words: String,
    line: Option<usize>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.words),
            None => f.write_str(&self.words),
        }
    }
}

impl<T: Into<String>> From<T> for Place {
    fn from(words: T) -> Self {
        Self { words: words.into(), line: None }
    }
}

impl Place {
    /// Its line, where there is one.
    pub fn line(&self) -> Option<usize> {
        self.line
    }

    /// The other way round: `component "web" (line 41)`.
    pub fn named(&self) -> String {
        match self.line {
            Some(line) => format!("{} (line {line})", self.words),
            None => self.words.clone(),
        }
    }
}

/// One table, array or value, and what is in it: tables by key, arrays by index.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lines {
    line: usize,
    inside: BTreeMap<String, Lines>,
}

impl Lines {
    /// Those of a file.
    pub fn of(text: &str) -> Result<Self, toml::de::Error> {
        let starts: Vec<usize> = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let table = DeTable::parse(text)?;
        Ok(Self { line: 1, inside: table_lines(table.get_ref(), &starts) })
    }

    /// The node at `path`, or the nearest above it.
    pub fn get<'k>(&self, path: impl IntoIterator<Item = &'k str>) -> &Self {
        let mut node = self;
        for key in path {
            match node.inside.get(key) {
                Some(next) => node = next,
                None => break,
            }
        }
        node
    }

    /// The place at `path`, called `words`.
    pub fn place<'k>(&self, path: impl IntoIterator<Item = &'k str>, words: impl Into<String>) -> Place {
        let line = self.get(path).line;
        Place { words: words.into(), line: (line > 0).then_some(line) }
    }

    /// Lays the profile `name` over every component.
    pub fn under(&mut self, name: &str) {
        let components = self.inside.get_mut("component").map(|components| &mut components.inside);
        for component in components.into_iter().flat_map(|components| components.values_mut()) {
            let profile = component.inside.get("profile").and_then(|all| all.inside.get(name)).cloned();
            if let Some(profile) = profile {
                component.overlay(&profile);
            }
        }
    }

    /// Lays what `over` has over what is here: values take its lines, tables of many are joined.
    fn overlay(&mut self, over: &Self) {
        for (key, node) in &over.inside {
            match self.inside.get_mut(key) {
                Some(own) if matches!(key.as_str(), "environment" | "dependencies") => own.overlay(node),
                _ => drop(self.inside.insert(key.clone(), node.clone())),
            }
        }
    }
}

/// The line, counted from 1, of the byte at `offset`.
pub(super) fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

fn table_lines(table: &DeTable<'_>, starts: &[usize]) -> BTreeMap<String, Lines> {
    table.iter().map(|(key, value)| (key.get_ref().to_string(), node(key.span().start, value, starts))).collect()
}

/// `at` is where its key stands, or itself.
fn node(at: usize, value: &Spanned<DeValue<'_>>, starts: &[usize]) -> Lines {
    let inside = match value.get_ref() {
        DeValue::Table(table) => table_lines(table, starts),
        DeValue::Array(items) => {
            let each = items.iter().enumerate();
            each.map(|(index, item)| (index.to_string(), node(item.span().start, item, starts))).collect()
        }
        _ => BTreeMap::new(),
    };
    Lines { line: starts.partition_point(|start| *start <= at), inside }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_keys_entries_and_the_nearest_above() {
        let text = "a = 1\n\n[t.x]\nb = [\n  \"one\",\n  { c = 2 },\n]\n[[l]]\n[[l]]\nd.e = 3\n";
        let lines = Lines::of(text).unwrap();
        let line = |path: &[&str]| lines.place(path.iter().copied(), "").line().unwrap();
        assert_eq!((line(&["a"]), line(&["t", "x", "b"]), line(&["t", "x", "b", "1", "c"])), (1, 4, 6));
        assert_eq!((line(&["t", "x", "b", "0"]), line(&["l", "1", "d", "e"])), (5, 10));
        assert_eq!(line(&["l", "1", "nothing", "here"]), 9);
        assert_eq!(line_of(text, text.find("d.e").unwrap()), 10);
    }

    #[test]
    fn a_profile_brings_its_own_lines() {
        let text = "source = 1\n[environment]\na = 1\n[p]\nsource = 2\nenvironment.b = 2\n";
        let mut lines = Lines::of(text).unwrap();
        lines.overlay(&lines.get(["p"]).clone());
        let line = |path: &[&str]| lines.place(path.iter().copied(), "").line().unwrap();
        assert_eq!((line(&["source"]), line(&["environment", "a"]), line(&["environment", "b"])), (5, 3, 6));
    }
}
