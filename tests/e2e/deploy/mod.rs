//! `deploy/` is held to the product: what can be known of its files without a container engine or a cluster, and the parts
//! of `compose.yaml` run as processes.

mod compose;
mod container;
mod kubernetes;
mod promql;
mod schema;
mod stack;
mod watched;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use image2model_tests::process::root;
use serde_json::Value;

/// The text of a file below `deploy/`.
fn text(path: &str) -> String {
    let path = root().join("deploy").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All documents of a YAML file below `deploy/`.
fn documents(path: &str) -> Vec<Value> {
    let text = text(path);
    let mut parts = vec![String::new()];
    for line in text.lines() {
        if line == "---" {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.push_str(line);
            part.push('\n');
        }
    }
    let options = serde_saphyr::options! { strict_booleans: true };
    let read = |part: &String| {
        serde_saphyr::from_str_with_options(part, options.clone())
            .unwrap_or_else(|error| panic!("deploy/{path} is no YAML: {error}"))
    };
    parts.iter().map(read).collect()
}

/// The one document of a file.
fn document(path: &str) -> Value {
    let mut all = documents(path);
    assert_eq!(all.len(), 1, "{path}");
    all.remove(0)
}

/// Every file below a folder of `deploy/`, by its path there.
fn files(folder: &str) -> Vec<String> {
    fn walk(at: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { walk(&path, found) } else { found.push(path) }
        }
    }
    let (base, mut found) = (root().join("deploy"), Vec::new());
    walk(&base.join(folder), &mut found);
    found.sort();
    found.iter().map(|path| path.strip_prefix(&base).unwrap().display().to_string()).collect()
}

/// The names of docs/configuration.md, which another test holds to the code.
fn configuration() -> BTreeSet<String> {
    let text = std::fs::read_to_string(root().join("docs/configuration.md")).unwrap();
    let names: BTreeSet<String> =
        text.lines().filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned())).collect();
    assert!(names.len() > 40 && names.contains("REDIS_URL"), "{names:?}");
    names
}

/// Every text in a document.
fn texts<'a>(value: &'a Value, into: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => into.push(text),
        Value::Array(list) => list.iter().for_each(|one| texts(one, into)),
        Value::Object(map) => map.values().for_each(|one| texts(one, into)),
        _ => {}
    }
}

/// Images have to say which release they are.
fn is_pinned(image: &str) -> bool {
    let name = image.rsplit_once('/').map_or(image, |(_, name)| name);
    name.contains("@sha256:") || name.split_once(':').is_some_and(|(_, tag)| tag.matches('.').count() == 2)
}

/// A list of texts.
fn words(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}
