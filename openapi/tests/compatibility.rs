//! `docs/compatibility.md` has a row for every operation of the document.

use std::collections::BTreeSet;
use std::fs;

use regex::Regex;

/// The page names routes below this without it, unless they are also there at the root.
const ROOT: &str = "/api/v1";

/// `METHOD path` of every row, with the path whole.
fn rows(routes_at_the_root: &BTreeSet<String>) -> BTreeSet<String> {
    let page = image2model_openapi::sources().parent().unwrap().join("docs/compatibility.md");
    let text = fs::read_to_string(page).unwrap();
    let named = Regex::new("`(GET|POST|DELETE|PUT|PATCH) (/[^ `?]*)").unwrap();
    let first_cells = text.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let mut rows = BTreeSet::new();
    for cell in first_cells {
        for found in named.captures_iter(cell) {
            let (method, path) = (&found[1], &found[2]);
            let whole = path.starts_with(ROOT) || routes_at_the_root.contains(path);
            rows.insert(format!("{method} {}{path}", if whole { "" } else { ROOT }));
        }
    }
    rows
}

#[test]
fn every_operation_has_its_row_and_every_row_an_operation() {
    let document = image2model_openapi::document(image2model_openapi::sources()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let at_the_root: BTreeSet<String> = paths.keys().filter(|path| !path.starts_with(ROOT)).cloned().collect();
    let operations: BTreeSet<String> = paths
        .iter()
        .flat_map(|(path, item)| {
            item.as_object().unwrap().iter().map(move |(method, operation)| (path, method, operation))
        })
        .filter(|(_, _, operation)| operation.get("operationId").is_some())
        .map(|(path, method, _)| format!("{} {path}", method.to_uppercase()))
        .collect();
    let rows = rows(&at_the_root);
    let missing: Vec<_> = operations.difference(&rows).collect();
    assert!(missing.is_empty(), "docs/compatibility.md has no row for {missing:?}");
    let unknown: Vec<_> = rows.difference(&operations).collect();
    assert!(unknown.is_empty(), "docs/compatibility.md has rows for what is not documented: {unknown:?}");
}
