//! The source files: YAML, read into JSON. Nothing may be said twice.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde_json::{Map, Value};

/// One file.
pub fn read(path: &Path) -> anyhow::Result<Value> {
    let text = fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))?;
    // YAML 1.2: `no` and `y` are texts.
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options(&text, options).with_context(|| format!("{} is no YAML", path.display()))
}

/// The files of a folder as one object, in the order of their names.
pub fn merged(folder: &Path) -> anyhow::Result<Map<String, Value>> {
    let mut all = Map::new();
    for path in files(folder, "yaml")? {
        let Value::Object(fields) = read(&path)? else { bail!("{} is no mapping", path.display()) };
        for (name, value) in fields {
            if all.insert(name.clone(), value).is_some() {
                bail!("{name} is said twice, the second time in {}", path.display());
            }
        }
    }
    Ok(all)
}

/// Files with this extension, sorted by name.
pub fn files(folder: &Path, extension: &str) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("could not list {}", folder.display()))?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<Vec<_>>>()?;
    files.retain(|path| path.extension().is_some_and(|found| found == extension));
    files.sort();
    Ok(files)
}
