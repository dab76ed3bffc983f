//! The sources, and what each of them opens with.

use std::fs;
use std::path::Path;

/// The repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The text of a file of the repository.
pub fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// Path and text of every file below a folder whose name ends so.
pub fn files(folder: &Path, ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
        if entry.file_type().unwrap().is_dir() {
            if !name.starts_with('.') && !["target", "node_modules"].contains(&&*name) {
                found.extend(files(&path, ending));
            }
        } else if name.ends_with(ending) {
            let own = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
            found.push((own, fs::read_to_string(&path).unwrap()));
        }
    }
    found
}

/// Without comments, and the tests at its end.
pub fn code(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_file_says_what_it_is_for() {
    let sources = files(root(), ".rs");
    assert!(sources.len() > 500);
    for (path, text) in sources {
        assert!(text.starts_with("//!"), "{path} does not open with `//!`");
    }
}
