//! The document and the components' route tables say the same: every route is documented with its level and budget, and
//! every documented operation is a route that the manifest leads to.
//!
//! The tables are read from the components' sources, where each route is one line of a `routes!` block.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// What a table says of one operation.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Route {
    level: String,
    budget: String,
    component: String,
}

type Operations = BTreeMap<(String, String), Route>;

fn root() -> &'static Path {
    image2model_openapi::sources().parent().unwrap()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// `GET "/api/v1/status/:job_id" Owner Standard => job::status,`
fn line(text: &str, component: &str) -> ((String, String), Route) {
    let words: Vec<&str> = text.split_whitespace().collect();
    let [method, pattern, level, budget, "=>", _] = words.as_slice() else {
        panic!("{component}: not a route: {text}")
    };
    let pattern = pattern.trim_matches('"');
    let segments =
        pattern.split('/').map(|s| s.strip_prefix(':').map_or_else(|| s.to_owned(), |name| format!("{{{name}}}")));
    let path = segments.collect::<Vec<_>>().join("/");
    let route = Route { level: level.to_lowercase(), budget: budget.to_lowercase(), component: component.to_owned() };
    ((method.to_lowercase(), path), route)
}

/// Every route of every component, but those that take whatever is left.
fn tables() -> Operations {
    let mut all = Operations::new();
    for component in fs::read_dir(root().join("components")).unwrap().map(|entry| entry.unwrap().path()) {
        let name = component.file_name().unwrap().to_str().unwrap().to_owned();
        let sources = component.join("src");
        if !sources.is_dir() {
            continue;
        }
        for file in rust_files(&sources) {
            let text = fs::read_to_string(&file).unwrap();
            let Some((_, table)) = text.split_once("static ROUTES: &[Route] = routes! {") else { continue };
            let (table, _) = table.split_once("};").unwrap();
            let lines = table.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
            all.extend(lines.map(|text| line(text, &name)).filter(|((_, path), _)| !path.contains('*')));
        }
    }
    assert!(all.len() > 30, "the tables are not found any more");
    all
}

fn documented() -> Operations {
    let document = image2model_openapi::document(image2model_openapi::sources()).unwrap();
    let mut all = Operations::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap().iter().filter(|(_, value)| value.is_object()) {
            let text = |name: &str| operation[name].as_str().unwrap_or_default().to_owned();
            let route = Route { level: text("x-level"), budget: text("x-budget"), component: String::new() };
            all.insert((method.clone(), path.clone()), route);
        }
    }
    all
}

/// The host serves the streams itself and counts them once, as they open; the table's line is for where it does not.
fn counted_as_documented(documented: &Route, table: &Route) -> bool {
    documented.budget == table.budget || (documented.budget == "stream" && table.budget == "uncounted")
}

#[test]
fn every_route_is_documented_and_every_operation_exists() {
    let (tables, documented) = (tables(), documented());
    let mut differences = Vec::new();
    for ((method, path), route) in &tables {
        match documented.get(&(method.clone(), path.clone())) {
            None => {
                differences.push(format!("{method} {path} ({}) is not documented in openapi/paths", route.component))
            }
            Some(found) if found.level != route.level || !counted_as_documented(found, route) => {
                differences.push(format!(
                    "{method} {path} is {} {}, documented as {} {}",
                    route.level, route.budget, found.level, found.budget
                ));
            }
            Some(_) => {}
        }
    }
    let unknown = documented.keys().filter(|operation| !tables.contains_key(*operation));
    differences.extend(unknown.map(|(method, path)| format!("{method} {path} is documented, and no component has it")));
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn the_manifest_leads_every_operation_to_the_component_that_has_it() {
    let manifest: toml::Table = fs::read_to_string(root().join("spin.toml")).unwrap().parse().unwrap();
    let triggers = manifest["trigger"]["http"].as_array().unwrap();
    for ((method, path), route) in tables() {
        let fits = |trigger: &&toml::Value| match trigger["route"].as_str().unwrap().strip_suffix("/...") {
            Some(beginning) => path == beginning || path.starts_with(&format!("{beginning}/")) || beginning.is_empty(),
            None => trigger["route"].as_str().unwrap() == path,
        };
        let longest = triggers.iter().filter(fits).max_by_key(|trigger| trigger["route"].as_str().unwrap().len());
        assert_eq!(longest.unwrap()["component"].as_str(), Some(&*route.component), "{method} {path}");
    }
}

#[test]
fn the_host_serves_the_streams_under_the_documented_names() {
    let source = fs::read_to_string(root().join("runtime-host/src/stream/routes.rs")).unwrap();
    for pattern in ["/api/v1/status/stream/:job_id", "/api/v1/status/tasks/:task_id/stream"] {
        assert!(source.contains(&format!("\"{pattern}\"")), "{pattern}");
    }
    let streams = documented().into_iter().filter(|(_, route)| route.budget == "stream");
    assert_eq!(streams.count(), 2);
}

#[test]
fn levels_decide_the_security() {
    let document: Value = image2model_openapi::document(image2model_openapi::sources()).unwrap();
    let of = |path: &str, method: &str| document["paths"][path][method]["security"].to_string();
    assert_eq!(of("/health", "get"), "[]");
    assert_eq!(of("/api/v1/upload", "post"), r#"[{"apiKey":[]},{"adminKey":[]},{"browserSession":[]}]"#);
    assert_eq!(of("/api/v1/admin/system-info", "get"), r#"[{"adminKey":[]},{"browserSession":[]}]"#);
    assert!(of("/api/v1/status/{job_id}", "get").ends_with(r#"{"accessToken":[]},{}]"#));
}
