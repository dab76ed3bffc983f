//! The routes as the components' own tables (`routes!`) say them, so that a test of every route needs no list of its own.

use std::path::Path;

use anyhow::ensure;

use crate::process::root;

/// One line of a table: `GET "/api/v1/status/:job_id" Owner Standard => job::status,`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableLine {
    /// `GET`, `POST`, `DELETE`.
    pub method: String,
    /// With `:names`.
    pub pattern: String,
    /// `Open`, `User`, `Owner` or `Admin`.
    pub level: String,
}

/// Every route of every component, but those that take whatever is left.
///
/// # Errors
/// When the tables cannot be read, or are not where they were.
pub fn route_tables() -> anyhow::Result<Vec<TableLine>> {
    let (mut found, mut folders) = (Vec::new(), vec![root().join("components")]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("kit/src/route.rs") {
                read(&path, &mut found)?;
            }
        }
    }
    found.retain(|line| !line.pattern.contains('*'));
    ensure!(found.len() > 30, "the tables are not where they were: {found:?}");
    Ok(found)
}

fn read(path: &Path, found: &mut Vec<TableLine>) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(path)?;
    for line in text.lines().filter(|line| line.contains("=>")) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [method, pattern, level, ..] = words.as_slice() else { continue };
        if ["GET", "POST", "PUT", "DELETE"].contains(method) && pattern.starts_with("\"/") {
            let [method, pattern, level] = [*method, pattern.trim_matches('"'), *level].map(str::to_owned);
            found.push(TableLine { method, pattern, level });
        }
    }
    Ok(())
}
