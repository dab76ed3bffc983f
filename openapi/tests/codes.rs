//! The lists of codes and the sources say the same: every code that stands in them is documented, and every documented code
//! stands in them.
//!
//! A code is a text in capitals with an underscore, or whatever is given as an `error_code` or as a problem's code. Tests and
//! comments do not count.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;
use serde_json::Value;

/// What is written like a code and is none that a client sees: variables of the build, FAL's own words, why a call of FAL's is
/// not believed, and that FAL's history cannot be read.
const NO_CODES: [&str; 9] = [
    "CARGO_PKG_VERSION",
    "HISTORY_BLIND",
    "IN_PROGRESS",
    "IN_QUEUE",
    "KEYS_UNAVAILABLE",
    "OUT_DIR",
    "SIGNATURE_EXPIRED",
    "SIGNATURE_INVALID",
    "SIGNATURE_MISSING",
];

/// Where refusals of whole requests come from. What the host keeps to itself (its errors at start, the store's, the log's) has
/// codes that no client sees.
const REFUSALS: [&str; 10] = [
    "components/admin/src",
    "components/download/src",
    "components/guard/src",
    "components/kit/src",
    "components/status/src",
    "components/upload/src",
    "components/web/src",
    "domain/src",
    "runtime-host/src/edge/serve",
    "runtime-host/src/stream",
];
/// Where files are kept out of an upload.
const INSPECTION: [&str; 2] = ["components/media-inspector/src", "components/upload/src/intake"];
/// Where files end without a model.
const MAKING: [&str; 5] = [
    "components/provider-tripo3d/src",
    "domain/src/event.rs",
    "domain/src/scripts",
    "runtime-host/src/fal",
    "runtime-host/src/worker",
];

fn root() -> &'static Path {
    image2model_openapi::sources().parent().unwrap()
}

fn files(at: &Path) -> Vec<PathBuf> {
    if at.is_file() {
        return vec![at.to_owned()];
    }
    let entries = fs::read_dir(at).unwrap_or_else(|e| panic!("{}: {e}", at.display()));
    entries.flat_map(|entry| files(&entry.unwrap().path())).collect()
}

/// A source without its tests and comments.
fn product_code(path: &Path) -> String {
    let name = path.to_string_lossy();
    let is_source = name.ends_with(".rs") || name.ends_with(".lua");
    if !is_source || name.ends_with("tests.rs") || name.contains("/tests/") {
        return String::new();
    }
    let text = fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let lines =
        text.lines().filter(|line| !line.trim_start().starts_with("//") && !line.trim_start().starts_with("--"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The codes in these places.
fn codes_in(places: &[&str]) -> BTreeSet<String> {
    let patterns = [
        r#"["']([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)["']"#,
        r#"error_code"?[ \n]*[:=][ \n]*["']([A-Z][A-Z0-9_]*)["']"#,
        r#"Problem::new\([ \n]*[0-9]{3},[ \n]*"([A-Z][A-Z0-9_]*)""#,
    ];
    let plain = Regex::new(r"Problem::plain\([ \n]*([0-9]{3})|Self::plain\([ \n]*([0-9]{3})").unwrap();
    let mut found = BTreeSet::new();
    for path in places.iter().flat_map(|place| files(&root().join(place))) {
        let text = product_code(&path);
        for pattern in patterns {
            let pattern = Regex::new(pattern).unwrap();
            found.extend(pattern.captures_iter(&text).map(|found| found[1].to_owned()));
        }
        let statuses = plain.captures_iter(&text).filter_map(|found| found.get(1).or(found.get(2)));
        found.extend(statuses.map(|status| format!("HTTP_{}", status.as_str())));
    }
    found.retain(|code| !NO_CODES.contains(&&**code));
    assert!(found.len() > 5, "the codes are not found any more");
    found
}

fn documented(schema: &str) -> BTreeSet<String> {
    let document = image2model_openapi::document(image2model_openapi::sources()).unwrap();
    let known: &Value = &document["components"]["schemas"][schema]["x-known-values"];
    known.as_object().unwrap().keys().cloned().collect()
}

fn none(codes: Vec<&String>, complaint: &str) {
    assert!(codes.is_empty(), "{codes:?} {complaint}");
}

#[test]
fn every_code_of_a_refusal_is_documented_and_occurs() {
    let (refusals, files) = (documented("ErrorCode"), documented("RefusedFileCode"));
    let failures = documented("FailedFileCode");
    let found = codes_in(&REFUSALS);
    let others = || files.iter().chain(&failures).cloned().collect::<BTreeSet<_>>();
    let known: BTreeSet<String> = refusals.iter().cloned().chain(others()).collect();
    none(found.difference(&known).collect(), "are not in openapi/codes");
    none(refusals.difference(&found).collect(), "are in openapi/codes/errors.yaml, and nothing answers so");
}

#[test]
fn every_code_of_a_refused_file_is_documented_and_occurs() {
    let (refusals, files) = (documented("ErrorCode"), documented("RefusedFileCode"));
    let found = codes_in(&INSPECTION);
    none(codes_in(&INSPECTION[..1]).difference(&files).collect(), "are not in openapi/codes/refused_files.yaml");
    let known = refusals.union(&files).cloned().collect();
    none(found.difference(&known).collect(), "are not in openapi/codes/refused_files.yaml");
    none(files.difference(&found).collect(), "are in openapi/codes/refused_files.yaml, and no file is refused so");
}

#[test]
fn every_code_of_a_failed_file_is_documented_and_occurs() {
    let failures = documented("FailedFileCode");
    let found = codes_in(&MAKING);
    none(found.difference(&failures).collect(), "are not in openapi/codes/failed_files.yaml");
    none(failures.difference(&found).collect(), "are in openapi/codes/failed_files.yaml, and no file fails so");
}
